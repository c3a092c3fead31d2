//! What the server writes about itself, at its most talkative.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tracing::level_filters::LevelFilter;

static LINES: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();

/// Keeps everything from here on, of all threads.
pub(crate) fn capture() {
    LINES.get_or_init(|| {
        let lines = Arc::default();
        let kept = Arc::clone(&lines);
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || Keeper(Arc::clone(&kept)))
            .init();
        lines
    });
}

/// Everything so far.
pub(crate) fn captured() -> Vec<u8> {
    let lines = LINES
        .get()
        .map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone());
    lines.unwrap_or_default()
}

struct Keeper(Arc<Mutex<Vec<u8>>>);

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
