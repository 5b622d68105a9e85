//! Tokens: issued, signed and validated, with time and keys handed in.
