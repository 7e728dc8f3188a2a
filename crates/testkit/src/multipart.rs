//! Forms with files (RFC 7578), as every fake reads them. Strict: what is no form is told, and never guessed at.

use axum::body::Bytes;

/// One part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormPart {
    pub(crate) name: String,
    /// Of a file; fields have none.
    pub(crate) file_name: Option<String>,
    pub(crate) mime: Option<String>,
    pub(crate) bytes: Bytes,
}

/// The parts in their order. The error says what is wrong with the form.
pub(crate) fn read(content_type: &str, body: &Bytes) -> Result<Vec<FormPart>, String> {
    let boundary = parameter(content_type, "boundary").ok_or("multipart without a boundary")?;
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    if !body.starts_with(opening.as_bytes()) {
        return Err("the form does not begin with its boundary".to_owned());
    }
    let mut at = opening.len();
    let mut parts = Vec::new();
    while !body[at..].starts_with(b"--") {
        if !body[at..].starts_with(b"\r\n") {
            return Err("a boundary without a line end".to_owned());
        }
        let head_end = find(body, b"\r\n\r\n", at).ok_or("a part without an end of its headers")?;
        let end = find(body, between.as_bytes(), head_end).ok_or("a part without an end")?;
        let head = std::str::from_utf8(&body[at..head_end]).map_err(|_| "headers that are no text")?;
        parts.push(part(head, body.slice((head_end + 4).min(end)..end))?);
        at = end + between.len();
    }
    Ok(parts)
}

fn part(head: &str, bytes: Bytes) -> Result<FormPart, String> {
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let disposition = header("content-disposition").ok_or("a part without Content-Disposition")?;
    let name = parameter(disposition, "name").ok_or("a part without a name")?;
    let file_name = parameter(disposition, "filename");
    Ok(FormPart { name, file_name, mime: header("content-type").map(str::to_owned), bytes })
}

/// A parameter of a header: `form-data; name="photo"; filename="a.jpg"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|found| from + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=b";

    fn read_text(body: &'static str) -> Result<Vec<FormPart>, String> {
        read(TYPE, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn fields_and_files_are_told_apart() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b\r\n\
            content-disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\ncontent-type: text/plain\r\n\r\n--two\r\n\r\n--b--\r\n";
        let part = |name: &str, file: Option<&str>, mime: Option<&str>, bytes: &'static str| FormPart {
            name: name.to_owned(),
            file_name: file.map(str::to_owned),
            mime: mime.map(str::to_owned),
            bytes: Bytes::from_static(bytes.as_bytes()),
        };
        let expected = vec![part("a", None, None, "one"), part("f", Some("x.txt"), Some("text/plain"), "--two\r\n")];
        assert_eq!(read_text(body), Ok(expected));
    }

    #[test]
    fn broken_forms_are_told() {
        for broken in
            ["", "--c\r\n", "--b", "--b\r\nno end", "--b\r\nname: x\r\n\r\nno end", "--b\r\nx: y\r\n\r\n\r\n--b--"]
        {
            assert!(read_text(broken).is_err(), "{broken:?}");
        }
        assert!(read("multipart/form-data", &Bytes::new()).is_err());
    }
}
