//! Reads the end of the log file, or what came since a cursor.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use chela_protocol::methods::logs::{LogsTailParams, LogsTailResult};

const LINES: usize = 500;
const LINES_MAX: usize = 5_000;
const BYTES: u64 = 250_000;
const BYTES_MAX: u64 = 1_000_000;

/// Whole lines only: a cursor always stands at the beginning of one. A file that is not there yet is empty.
pub(crate) fn tail(path: &Path, params: &LogsTailParams) -> io::Result<LogsTailResult> {
    let mut result = LogsTailResult {
        file: path.display().to_string(),
        cursor: 0,
        size: 0,
        lines: Vec::new(),
        truncated: false,
        reset: false,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(result),
        Err(error) => return Err(error),
    };
    result.size = file.metadata()?.len();
    let window = params.max_bytes.unwrap_or(BYTES).clamp(1, BYTES_MAX);
    let wanted = params.cursor.unwrap_or(0);
    result.reset = wanted > result.size;
    let wanted = if result.reset { 0 } else { wanted };
    let start = wanted.max(result.size.saturating_sub(window));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(window).read_to_end(&mut bytes)?;
    // A window that begins inside a line leaves that line out.
    let skipped =
        if start > wanted { bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1) } else { 0 };
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(skipped, |at| at + 1).max(skipped);
    result.cursor = start + end as u64;
    let text = String::from_utf8_lossy(&bytes[skipped..end]);
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines.len().saturating_sub(params.limit.unwrap_or(LINES).clamp(1, LINES_MAX));
    result.truncated = start > wanted || kept > 0;
    result.lines = lines[kept..].iter().map(|line| (*line).to_owned()).collect();
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_continues_where_the_last_answer_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let read = |cursor, limit| tail(&path, &LogsTailParams { cursor, limit, max_bytes: None }).unwrap();
        assert_eq!(read(None, None).lines, Vec::<String>::new());
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let first = read(None, None);
        assert_eq!((first.lines, first.cursor), (vec!["one".to_owned(), "two".to_owned()], 8));
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let next = read(Some(8), None);
        assert_eq!((next.lines, next.cursor, next.truncated), (vec!["three".to_owned()], 14, false));
        assert_eq!(read(None, Some(1)).lines, ["three"]);
        assert!(read(None, Some(1)).truncated);
        std::fs::write(&path, "new\n").unwrap();
        let after = read(Some(14), None);
        assert_eq!((after.reset, after.lines), (true, vec!["new".to_owned()]));
    }

    #[test]
    fn a_window_begins_at_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "first\nsecond\nthird\n").unwrap();
        let result = tail(&path, &LogsTailParams { cursor: None, limit: None, max_bytes: Some(10) }).unwrap();
        assert_eq!((result.lines, result.truncated, result.cursor), (vec!["third".to_owned()], true, 19));
    }
}
