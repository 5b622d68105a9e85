//! Sealing files at rest: AES-256 in Galois/Counter Mode (NIST SP 800-38D), a piece at a time.
//!
//! ```text
//!   piece = length (4 bytes, little endian) · nonce (12) · ciphertext · tag (16)
//! ```
//!
//! Each piece is bound to its document and its place, so that pieces cannot be exchanged or left out in
//! the middle. A file that was cut off ends with a piece that does not open; what comes before it does.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use offhook_terms::OperationId;

/// The largest piece that is read: well above what is ever written at once.
const PIECE_MAX: usize = 1 << 20;

/// The key everything is sealed with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Seal(Arc<LessSafeKey>);

impl Seal {
    /// From 32 bytes in base64.
    pub(crate) fn new(key: &str) -> Result<Self, &'static str> {
        const WANTED: &str =
            "is no key, but wanted are 32 bytes in base64, as `openssl rand -base64 32` makes them";
        let bytes = STANDARD.decode(key.trim()).map_err(|_| WANTED)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| WANTED)?;
        Ok(Self(Arc::new(LessSafeKey::new(key))))
    }

    /// Seals one piece.
    pub(crate) fn close(
        &self,
        document: OperationId,
        place: u64,
        plain: &[u8],
    ) -> io::Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut piece = plain.to_vec();
        let aad = Aad::from(name(document, place));
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut piece)
            .map_err(|_| io::Error::other("it cannot be sealed"))?;
        let mut out = Vec::with_capacity(NONCE_LEN + piece.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&piece);
        Ok(out)
    }

    /// Opens one piece.
    pub(crate) fn open(&self, document: OperationId, place: u64, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, piece) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut piece = piece.to_vec();
        let aad = Aad::from(name(document, place));
        let length = self.0.open_in_place(nonce, aad, &mut piece).ok()?.len();
        piece.truncate(length);
        Some(piece)
    }
}

fn name(document: OperationId, place: u64) -> [u8; 24] {
    let mut name = [0; 24];
    name[..16].copy_from_slice(&document.bits().to_be_bytes());
    name[16..].copy_from_slice(&place.to_be_bytes());
    name
}

/// A file being written: plain, or a piece for each write.
pub(crate) struct Writer {
    file: File,
    seal: Option<Seal>,
    document: OperationId,
    pieces: u64,
}

impl Writer {
    pub(crate) fn create(
        path: &Path,
        seal: Option<&Seal>,
        document: OperationId,
    ) -> io::Result<Self> {
        Ok(Self {
            file: private(path)?,
            seal: seal.cloned(),
            document,
            pieces: 0,
        })
    }

    /// Appends to it; a piece where it is sealed.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(seal) = &self.seal else {
            return self.file.write_all(bytes);
        };
        let piece = seal.close(self.document, self.pieces, bytes)?;
        let mut out = Vec::with_capacity(4 + piece.len());
        out.extend_from_slice(&(piece.len() as u32).to_le_bytes());
        out.extend_from_slice(&piece);
        self.file.write_all(&out)?;
        self.pieces += 1;
        Ok(())
    }

    /// Writes over the beginning of a plain file; a sealed one has no header to correct.
    pub(crate) fn correct(&mut self, header: &[u8]) -> io::Result<()> {
        if self.seal.is_some() {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(header)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Waits until the disk has it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Whether a plain file begins with a header.
    pub(crate) fn is_plain(&self) -> bool {
        self.seal.is_none()
    }
}

/// Each write becomes a piece: to be wrapped in something that gathers bytes.
impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A new file that its owner alone may read.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// A file being read: what was written, after so many bytes of a plain one.
pub(crate) struct Reader {
    from: Box<dyn Read + Send>,
    seal: Option<Seal>,
    document: OperationId,
    pieces: u64,
}

impl Reader {
    pub(crate) fn open(
        mut file: File,
        seal: Option<&Seal>,
        document: OperationId,
        header_bytes: u64,
    ) -> io::Result<Self> {
        if seal.is_none() {
            file.seek(SeekFrom::Start(header_bytes))?;
        }
        Ok(Self {
            from: Box::new(io::BufReader::new(file)),
            seal: seal.cloned(),
            document,
            pieces: 0,
        })
    }

    /// All that is left of it.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let part = self.next()?;
            if part.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(&part);
        }
    }

    /// The next part of it; empty at the end, and where the file was cut off.
    pub(crate) fn next(&mut self) -> io::Result<Vec<u8>> {
        let Some(seal) = &self.seal else {
            let mut part = Vec::new();
            self.from.by_ref().take(64 * 1024).read_to_end(&mut part)?;
            return Ok(part);
        };
        let mut length = [0; 4];
        if !filled(&mut self.from, &mut length)? {
            return Ok(Vec::new());
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > PIECE_MAX {
            return Ok(Vec::new());
        }
        let mut piece = vec![0; length];
        if !filled(&mut self.from, &mut piece)? {
            return Ok(Vec::new());
        }
        let plain = seal.open(self.document, self.pieces, &piece);
        self.pieces += 1;
        Ok(plain.unwrap_or_default())
    }
}

/// Reads all of it; false where the file ends before.
fn filled(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Ok(()) => Ok(true),
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: OperationId = OperationId::from_bits(7);

    fn seal() -> Seal {
        Seal::new(&STANDARD.encode([7; 32])).expect("a key")
    }

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let (seal, other) = (seal(), Seal::new(&STANDARD.encode([8; 32])).expect("a key"));
        let piece = seal.close(DOCUMENT, 3, b"hello").expect("sealed");
        assert_eq!(
            seal.open(DOCUMENT, 3, &piece).as_deref(),
            Some(&b"hello"[..])
        );
        assert_eq!(seal.open(DOCUMENT, 4, &piece), None, "another place");
        assert_eq!(seal.open(OperationId::from_bits(8), 3, &piece), None);
        assert_eq!(other.open(DOCUMENT, 3, &piece), None, "another key");
        for at in 0..piece.len() {
            let mut torn = piece.clone();
            torn[at] ^= 1;
            assert_eq!(seal.open(DOCUMENT, 3, &torn), None, "{at}");
            assert_eq!(seal.open(DOCUMENT, 3, &piece[..at]), None, "{at}");
        }
        assert!(Seal::new("short").is_err() && Seal::new("c2hvcnQ=").is_err());
    }

    #[test]
    fn a_file_that_was_cut_off_is_read_up_to_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        let seal = seal();
        let mut writer = Writer::create(&path, Some(&seal), DOCUMENT).expect("made");
        for part in [&b"one"[..], b"two", b"three"] {
            writer.append(part).expect("written");
        }
        let whole = std::fs::read(&path).expect("read");
        assert!(!whole.windows(3).any(|window| window == b"one"));
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            let file = File::open(&path).expect("there");
            let mut reader = Reader::open(file, Some(&seal), DOCUMENT, 44).expect("open");
            reader.rest().expect("read")
        };
        assert_eq!(read(&whole), b"onetwothree");
        for length in 0..whole.len() {
            let text = read(&whole[..length]);
            assert!(b"onetwo".starts_with(&text[..]), "{length}");
        }
    }
}
