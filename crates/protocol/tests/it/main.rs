//! Frames in the form that stock clients send and expect.

mod wire;
