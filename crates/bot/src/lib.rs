//! The bot SDK: a typed Graph calls client and a notification router.
