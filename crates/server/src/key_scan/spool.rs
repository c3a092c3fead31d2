use engine::{
    domain::{AccountId, KeyId, Purpose},
    ports::KeyHolder,
};
use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    ops::Range,
};
use uuid::Uuid;
use wire::RegistrationId;

/// Moduli and whose they are, in a temporary file that has no name.
pub(super) struct Spool {
    file: BufWriter<File>,
    len: usize,
}

/// Whose a modulus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) source: Source,
    /// The phone's half, or the server's.
    pub(super) is_n1: bool,
}

/// Where a modulus comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A key of an account or of a registration.
    Key {
        holder: KeyHolder,
        key: KeyId,
        purpose: Purpose,
    },
    /// The pool of server halves.
    Pool,
}

/// n1 and n2 of the largest profile.
const MODULUS: usize = 384;
/// Source, half, purpose, holder, key.
const LABEL: usize = 3 + 16 + 16;
const RECORD: usize = LABEL + MODULUS;

impl Spool {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(tempfile::tempfile()?),
            len: 0,
        })
    }

    pub(super) fn add(&mut self, modulus: &[u8], label: Label) -> io::Result<()> {
        let padding = MODULUS
            .checked_sub(modulus.len())
            .ok_or_else(|| io::Error::other("a modulus is longer than any profile has them"))?;
        self.file.write_all(&label.to_bytes())?;
        self.file.write_all(&[0; MODULUS][..padding])?;
        self.file.write_all(modulus)?;
        self.len += 1;
        Ok(())
    }

    pub(super) fn label(&mut self, position: usize) -> io::Result<Label> {
        let mut bytes = [0; LABEL];
        self.seek(position)?.read_exact(&mut bytes)?;
        Label::from_bytes(&bytes).ok_or_else(|| io::Error::other("the copied labels are damaged"))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn seek(&mut self, position: usize) -> io::Result<&mut File> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(position as u64 * RECORD as u64))?;
        Ok(file)
    }
}

impl keyscan::Moduli for Spool {
    type Error = io::Error;

    fn count(&self) -> usize {
        self.len
    }

    fn read(&mut self, positions: Range<usize>) -> io::Result<Vec<Vec<u8>>> {
        let mut bytes = vec![0; positions.len() * RECORD];
        self.seek(positions.start)?.read_exact(&mut bytes)?;
        let records = bytes.chunks_exact(RECORD);
        Ok(records.map(|record| record[LABEL..].to_vec()).collect())
    }
}

impl Label {
    pub(super) fn key_id(&self) -> String {
        match self.source {
            Source::Key { key, .. } => hex::encode(key.0),
            Source::Pool => "pool".to_owned(),
        }
    }

    fn to_bytes(self) -> [u8; LABEL] {
        let mut bytes = [0; LABEL];
        bytes[1] = u8::from(self.is_n1);
        if let Source::Key {
            holder,
            key,
            purpose,
        } = self.source
        {
            let (kind, id) = match holder {
                KeyHolder::Account(id) => (1, id.0.into_bytes()),
                KeyHolder::Registration(id) => (2, id.0.into_bytes()),
            };
            bytes[0] = kind;
            bytes[2] = purpose.id();
            bytes[3..19].copy_from_slice(&id);
            bytes[19..].copy_from_slice(&key.0);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; LABEL]) -> Option<Self> {
        let [kind, is_n1, purpose, ids @ ..] = bytes;
        let (holder, key) = ids.split_at(16);
        let (holder, key): ([u8; 16], [u8; 16]) = (holder.try_into().ok()?, key.try_into().ok()?);
        let key_of = |holder| {
            Some(Source::Key {
                holder,
                key: KeyId(key),
                purpose: Purpose::from_id(*purpose)?,
            })
        };
        let source = match kind {
            0 => Source::Pool,
            1 => key_of(KeyHolder::Account(AccountId(Uuid::from_bytes(holder))))?,
            2 => key_of(KeyHolder::Registration(RegistrationId(Uuid::from_bytes(
                holder,
            ))))?,
            _ => return None,
        };
        Some(Self {
            source,
            is_n1: *is_n1 == 1,
        })
    }
}
