//! SIP signalling: dialogs, INVITE sessions and registration, over the stack crates.
