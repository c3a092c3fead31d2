//! The mock as a relying party's tester meets it: the real binary, real phones, real keys.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a test is a failed test"
)]

mod accounts;
mod device_links;
mod documented;
mod fixture_keys;
#[path = "../process/mod.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the commands, which need all of it"
)]
mod process;
mod relying_party;
mod rollover;
mod test_system;

use process::Server;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};
use tempfile::TempDir;

/// A demo of one's own that makes no keys before they are needed: with a pool for each, a dozen at once would make a
/// hundred.
struct Demo {
    server: Server,
    /// Deleted after the server has ended.
    folder: TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in fs::read_dir(template()).expect("a folder") {
            let file = file.expect("a file");
            if file.file_type().expect("a type").is_file() {
                fs::copy(file.path(), folder.path().join(file.file_name())).expect("copied");
            }
        }
        Self {
            server: Server::demo(Some(folder.path())),
            folder,
        }
    }

    /// Ends it softly and starts it again at another port.
    fn restart(&mut self) {
        self.server.terminate();
        let status = self.server.wait(Duration::from_secs(15));
        assert_eq!(status.code(), Some(0), "a soft end");
        self.restart_after_end();
    }

    /// Starts it again, once it has ended.
    fn restart_after_end(&mut self) {
        self.server = Server::demo(Some(self.folder.path()));
    }

    /// Ends it softly and says in its configuration that `serve` is to listen where it did. Returns the configuration.
    fn end(&mut self) -> PathBuf {
        let address = self.server.address();
        self.server.terminate();
        self.server.wait(Duration::from_secs(15));
        let config = self.data().join("smart-id.toml");
        let text = fs::read_to_string(&config).expect("a configuration");
        let (_, after) = text.split_once("listen = \"").expect("an address");
        let (first, _) = after.split_once('"').expect("an address");
        fs::write(&config, text.replace(first, &address)).expect("written");
        config
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }
}

impl std::ops::Deref for Demo {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// What a demo makes at its first start, with another configuration.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    TEMPLATE
        .get_or_init(|| {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
            let mut demo = Server::demo(Some(folder.path()));
            demo.terminate();
            demo.wait(Duration::from_secs(15));
            let config = folder.path().join("smart-id.toml");
            let text = fs::read_to_string(&config).expect("a configuration");
            let text = text.replace("[limits]", "[limits]\npooled_halves = 0");
            fs::write(&config, text).expect("written");
            folder
        })
        .path()
}
