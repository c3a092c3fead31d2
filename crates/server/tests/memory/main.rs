//! What the real processes still know after the reply (issue 3, item 5): nothing of a PIN, of d1′ or of d1″.

#![cfg(target_os = "linux")]

mod controls;
mod needles;
mod process_memory;
mod processes;
mod secrets;
mod silence;
