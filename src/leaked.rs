//! Passwords that were stolen elsewhere, in a file; nothing of it is loaded, and nothing leaves this machine.
//!
//! The file is either the well-known list itself (the SHA-1 hash of a password in hexadecimal on each line, sorted, with a
//! count behind a colon or without), or the compact filter that [`build`] makes of it: 48 bits of each hash, which is a tenth
//! of the size and takes one in three hundred thousand passwords for stolen that are not, with a billion in the list.
//! It is opened for each question, so that another one in its place counts at once.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::users::{AccountStoreError, LeakedPasswords, Password};

/// A list of stolen passwords.
#[derive(Debug, Clone)]
pub struct LeakedList {
    path: PathBuf,
}

/// How a file holds what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lines,
    Filter,
}

type Hash = [u8; 20];

impl LeakedList {
    /// The list in this file.
    ///
    /// # Errors
    /// One line for the operator when it cannot be read, or is neither a list nor a filter.
    pub fn open(path: &Path) -> Result<Self, String> {
        let list = Self { path: path.to_owned() };
        let asked = list.holds(&[0; 20]);
        asked.map(|_| list).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Whether a hash is in the file.
    fn holds(&self, hash: &Hash) -> io::Result<bool> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        match shape(&mut file)? {
            Shape::Lines => in_lines(&mut file, length, hash),
            Shape::Filter => in_filter(&mut file, length, hash),
        }
    }
}

#[async_trait]
impl LeakedPasswords for LeakedList {
    async fn has(&self, password: &Password) -> Result<bool, AccountStoreError> {
        let Some(hash) = hash_of(password) else { return Ok(false) };
        let list = self.clone();
        let asked = tokio::task::spawn_blocking(move || list.holds(&hash)).await;
        asked.map_err(io::Error::other).flatten().map_err(|error| AccountStoreError(Box::new(error)))
    }
}

/// Makes a filter of a list; tells how many passwords are in it.
///
/// # Errors
/// One line for the operator; no filter is left behind then.
pub fn build(list: &Path, filter: &Path) -> Result<u64, String> {
    let told = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let source = File::open(list).map_err(|error| told(list, error))?;
    let unfinished = filter.with_added_extension("part");
    let written = File::create(&unfinished)
        .and_then(|target| write_filter(BufReader::new(source), target))
        .and_then(|count| std::fs::rename(&unfinished, filter).map(|()| count));
    written.map_err(|error| {
        // What it began to write is of no use to anybody.
        let _ = std::fs::remove_file(&unfinished);
        told(if error.kind() == io::ErrorKind::InvalidData { list } else { filter }, error)
    })
}

fn write_filter(list: impl BufRead, target: File) -> io::Result<u64> {
    let mut target = BufWriter::new(target);
    target.write_all(MAGIC)?;
    target.write_all(&vec![0; INDEX])?;
    let mut ends = vec![0_u64; BUCKETS];
    let (mut count, mut before) = (0_u64, [0; 20]);
    for (number, line) in list.split(b'\n').enumerate() {
        let line = line?;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let hash = hash_in(line).ok_or_else(|| not_ours(number))?;
        if hash < before {
            let text = format!("line {} is not sorted by hash", number + 1);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        before = hash;
        count += 1;
        let (bucket, rest) = parts(&hash);
        target.write_all(&rest)?;
        if let Some(end) = ends.get_mut(bucket) {
            *end = count;
        }
    }
    if count == 0 {
        return Err(not_ours(0));
    }
    // A bucket without any ends where the one before ends.
    let mut last = 0;
    for end in &mut ends {
        last = last.max(*end);
        *end = last;
    }
    target.seek(SeekFrom::Start(START))?;
    for end in ends {
        target.write_all(&end.to_be_bytes())?;
    }
    target.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(count)
}

fn shape(file: &mut File) -> io::Result<Shape> {
    let mut start = [0; 40];
    read_at(file, 0, &mut start)?;
    if start.starts_with(MAGIC) {
        return Ok(Shape::Filter);
    }
    hash_in(&start).map(|_| Shape::Lines).ok_or_else(|| not_ours(0))
}

/// Looks for a hash among sorted lines, by halves.
fn in_lines(file: &mut File, length: u64, hash: &Hash) -> io::Result<bool> {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        let from = middle.saturating_sub(LONGEST_LINE).max(low);
        let mut before = vec![0; usize::try_from(middle - from).unwrap_or_default()];
        read_at(file, from, &mut before)?;
        let newline = before.iter().rposition(|byte| *byte == b'\n');
        let start = newline.map_or(from, |place| from + u64::try_from(place).unwrap_or_default() + 1);
        let mut line = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file).take(LONGEST_LINE).read_to_end(&mut line)?;
        let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
        line.truncate(end);
        if line.trim_ascii().is_empty() {
            high = start;
            continue;
        }
        let found = hash_in(&line).ok_or_else(|| not_ours(0))?;
        match found.cmp(hash) {
            Ordering::Equal => return Ok(true),
            Ordering::Less => low = start + u64::try_from(end).unwrap_or_default() + 1,
            Ordering::Greater => high = start,
        }
    }
    Ok(false)
}

/// Looks for a hash in a filter: the index says where its bucket lies, which is sorted.
fn in_filter(file: &mut File, length: u64, hash: &Hash) -> io::Result<bool> {
    let (bucket, rest) = parts(hash);
    let end_of = |file: &mut File, bucket: usize| {
        let mut end = [0; 8];
        let place = START + 8 * u64::try_from(bucket).unwrap_or_default();
        read_at(file, place, &mut end).map(|()| u64::from_be_bytes(end))
    };
    let mut low = match bucket.checked_sub(1) {
        Some(before) => end_of(file, before)?,
        None => 0,
    };
    let mut high = end_of(file, bucket)?;
    let entries = START + u64::try_from(INDEX).unwrap_or_default();
    if low > high || high.checked_mul(4).is_none_or(|bytes| bytes > length.saturating_sub(entries)) {
        return Err(not_ours(0));
    }
    while low < high {
        let middle = low + (high - low) / 2;
        let mut entry = [0; 4];
        read_at(file, entries + 4 * middle, &mut entry)?;
        match entry.cmp(&rest) {
            Ordering::Equal => return Ok(true),
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}

fn read_at(file: &mut File, place: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(place))?;
    file.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => not_ours(0),
        _ => error,
    })
}

/// The bucket of a hash, and what stands in it.
fn parts(hash: &Hash) -> (usize, [u8; 4]) {
    let [a, b, c, d, e, f, ..] = *hash;
    (usize::from(u16::from_be_bytes([a, b])), [c, d, e, f])
}

/// The hash at the beginning of a line, if there is one and nothing else but a count.
fn hash_in(line: &[u8]) -> Option<Hash> {
    let (digits, rest) = line.split_first_chunk::<40>()?;
    let mut hash = [0; 20];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    let rest = rest.trim_ascii();
    let is_count =
        rest.is_empty() || rest.strip_prefix(b":").is_some_and(|count| count.iter().all(u8::is_ascii_digit));
    is_count.then_some(hash)
}

fn hash_of(password: &Password) -> Option<Hash> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_str().as_bytes()).as_ref().try_into().ok()
}

fn not_ours(number: usize) -> io::Error {
    let text = format!(
        "line {} is no SHA-1 hash in hexadecimal, and the file no filter of `portcullis leaked-passwords build`",
        number + 1
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

const MAGIC: &[u8; 16] = b"portcullis-leak1";
/// The index: where each bucket ends.
const START: u64 = 16;
const BUCKETS: usize = 1 << 16;
const INDEX: usize = 8 * BUCKETS;
/// Forty digits, a colon, and a count.
const LONGEST_LINE: u64 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(text: &str) -> Hash {
        hash_of(&Password::new(text.to_owned()).unwrap()).unwrap()
    }

    fn list_of(hashes: &[Hash], ending: &str) -> String {
        let digits = |hash: &Hash| hash.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        hashes
            .iter()
            .enumerate()
            .map(|(number, hash)| digits(hash) + &ending.replace('#', &number.to_string()))
            .collect()
    }

    #[test]
    fn what_is_in_the_list_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (path, filter) = (folder.path().join("list"), folder.path().join("filter"));
        for count in [1, 2, 3, 100, 5000] {
            let mut hashes: Vec<_> = (0..count).map(|number| digest_of(&format!("in {number}"))).collect();
            hashes.sort_unstable();
            for ending in ["\n", ":#\n", ":#\r\n", ":123456789012\r\n"] {
                let mut text = list_of(&hashes, ending);
                if count == 3 {
                    text.truncate(text.trim_end().len());
                }
                std::fs::write(&path, text).unwrap();
                assert_eq!(build(&path, &filter), Ok(count));
                for list in [LeakedList::open(&path).unwrap(), LeakedList::open(&filter).unwrap()] {
                    assert!(hashes.iter().all(|hash| list.holds(hash).unwrap()), "{count} {ending:?}");
                    let others = (0..500).map(|number| digest_of(&format!("not in {number}")));
                    assert!(!others.into_iter().any(|hash| list.holds(&hash).unwrap()), "{count} {ending:?}");
                    assert!(!list.holds(&[0; 20]).unwrap() && !list.holds(&[255; 20]).unwrap());
                }
            }
        }
        assert!(!folder.path().join("filter.part").exists());
    }

    #[test]
    fn another_file_is_told_of_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let (path, filter) = (folder.path().join("list"), folder.path().join("filter"));
        let sorted = list_of(&[[1; 20], [2; 20]], ":1\n");
        let unsorted = list_of(&[[2; 20], [1; 20]], ":1\n");
        let broken = format!("{sorted}nonsense\n");
        for (text, problem) in [
            ("", "line 1 is no"),
            ("8846F7EAEE8FB117AD06BDD830B7586C:1\n", "line 1 is no"),
            (&*unsorted, "line 2 is not sorted"),
            (&*broken, "line 3 is no"),
        ] {
            std::fs::write(&path, text).unwrap();
            let told = build(&path, &filter).unwrap_err();
            assert!(told.contains(problem) && !told.contains('\n'), "{told}");
            assert!(!filter.exists() && !folder.path().join("filter.part").exists());
        }
        for text in ["", "8846F7EAEE8FB117AD06BDD830B7586C:1\n", "portcullis-leak1 and no more"] {
            std::fs::write(&path, text).unwrap();
            assert!(LeakedList::open(&path).is_err(), "{text}");
        }
        assert!(LeakedList::open(&folder.path().join("nowhere")).is_err());
    }
}
