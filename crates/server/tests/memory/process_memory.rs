//! All of another process's memory and registers: what a core has in it.

use crate::needles::{Found, Needles};
use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
};

/// What a core of a process would hold.
pub(crate) struct Core {
    parts: Vec<Part>,
}

struct Part {
    /// As in proc_pid_maps(5), or `registers`.
    name: String,
    start: u64,
    bytes: Vec<u8>,
}

/// A secret in a core.
pub(crate) struct Find {
    pub(crate) place: String,
    pub(crate) address: u64,
    pub(crate) found: Found,
}

impl fmt::Debug for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            address,
            found,
        } = self;
        write!(f, "{found:?} at {address:#x} in {place}")
    }
}

impl Find {
    /// A find in what was on a disk.
    pub(crate) fn in_file(found: Found) -> Self {
        Self {
            place: "the file".to_owned(),
            address: found.offset as u64,
            found,
        }
    }
}

impl Core {
    /// Every readable mapping of a process, which should stand still: of one that does not, what it gave back meanwhile
    /// is left out.
    pub(crate) fn of(pid: u32) -> Self {
        let mapped = || fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process");
        let maps = mapped();
        let memory = File::open(format!("/proc/{pid}/mem")).expect("a process that may be read");
        let mut parts = Vec::new();
        for line in maps.lines() {
            let mapping = Mapping::parse(line);
            if !mapping.readable {
                continue;
            }
            let mut bytes = vec![0; mapping.len()];
            let mut read = 0;
            while read < bytes.len() {
                match memory.read_at(&mut bytes[read..], mapping.start + read as u64) {
                    Ok(0) | Err(_) => break,
                    Ok(more) => read += more,
                }
            }
            // The kernel's own pages, and what is behind the end of a mapped file.
            assert!(
                read == bytes.len()
                    || mapping.name.starts_with("[v")
                    || mapping.is_file()
                    || !mapped().lines().any(|now| now == line),
                "{line} cannot be read"
            );
            bytes.truncate(read);
            parts.push(Part {
                name: line.to_owned(),
                start: mapping.start,
                bytes,
            });
        }
        Self { parts }
    }

    /// With the registers of all threads, as `registers.c` reads them.
    pub(crate) fn with_registers(mut self, registers: &Path, pid: u32) -> Self {
        let output = Command::new(registers)
            .arg(pid.to_string())
            .output()
            .expect("the helper runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        self.parts.push(Part {
            name: "registers".to_owned(),
            start: 0,
            bytes: output.stdout,
        });
        self
    }

    pub(crate) fn search(&self, needles: &Needles) -> Vec<Find> {
        let mut finds = Vec::new();
        for part in &self.parts {
            for found in needles.search(&part.bytes) {
                finds.push(Find {
                    place: part.name.clone(),
                    address: part.start + found.offset as u64,
                    found,
                });
            }
        }
        finds
    }

    /// How many bytes are in the parts whose name ends so.
    pub(crate) fn size(&self, name: &str) -> usize {
        let parts = self.parts.iter().filter(|part| part.name.ends_with(name));
        parts.map(|part| part.bytes.len()).sum()
    }

    /// How many writable mappings are of no file: heaps, stacks of threads, what was allocated in one piece.
    pub(crate) fn anonymous(&self) -> usize {
        self.parts
            .iter()
            .filter(|part| {
                let mapping = Mapping::parse(&part.name);
                mapping.writable && mapping.name.is_empty()
            })
            .count()
    }
}

struct Mapping<'a> {
    start: u64,
    end: u64,
    readable: bool,
    writable: bool,
    name: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Self {
        let mut words = line.split_ascii_whitespace();
        let range = words.next().and_then(|range| range.split_once('-'));
        let (start, end) = range.unwrap_or(("0", "0"));
        let rights = words.next().unwrap_or_default();
        let number = |text| u64::from_str_radix(text, 16).expect("proc(5): an address");
        Self {
            start: number(start),
            end: number(end),
            readable: rights.starts_with('r'),
            writable: rights.contains('w'),
            name: words.nth(3).unwrap_or_default(),
        }
    }

    fn len(&self) -> usize {
        usize::try_from(self.end - self.start).expect("it is in an address space")
    }

    fn is_file(&self) -> bool {
        self.name.starts_with('/')
    }
}
