//! What goes over HTTP, as plain data: Graph calls API types and the call journal.
