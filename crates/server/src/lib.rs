//! The running platform: sockets, threads, HTTP, SIP, store.
