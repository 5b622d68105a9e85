//! One call's audio, twenty milliseconds at a time.
