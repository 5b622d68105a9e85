//! Operations: asked for, queued, done in order, ended exactly once.
