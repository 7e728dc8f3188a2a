//! The page of the gateway as bytes: the files that `ui/` is built into, each with its compressed forms. Knows nothing of HTTP beyond
//! names of types and tags; the gateway serves them.

/// A file of the page.
#[derive(Debug)]
pub struct File {
    /// Where it is served: `/` is the page itself.
    pub path: &'static str,
    pub mime: &'static str,
    /// Its name changes with its content, so that it can be kept for ever.
    pub is_hashed: bool,
    pub plain: Form,
    pub brotli: Option<Form>,
    pub gzip: Option<Form>,
}

/// One form of a file, with its entity tag (quotes included).
#[derive(Debug)]
pub struct Form {
    pub bytes: &'static [u8],
    pub etag: &'static str,
}

/// Every file, by path.
pub static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Whether this is the page, and not the words that stand in for it where Node was missing at the build.
pub const IS_BUILT: bool = cfg!(built);

/// The file at a path.
pub fn file(path: &str) -> Option<&'static File> {
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().map(|index| &FILES[index])
}

/// What is served at `/` and at every address within the page.
///
/// # Panics
///
/// Never: the build fails without it.
pub fn page() -> &'static File {
    file("/").expect("the build wrote index.html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_in_the_order_of_their_paths() {
        assert!(FILES.is_sorted_by_key(|file| file.path));
        assert!(FILES.iter().all(|one| std::ptr::eq(file(one.path).unwrap(), one)));
        assert!(file("/none.js").is_none());
    }

    #[test]
    fn the_page_has_no_inline_code_and_names_only_files_that_are_served() {
        let text = std::str::from_utf8(page().plain.bytes).unwrap();
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains("onclick"), "{text}");
        for tag in text.split('<').filter(|tag| tag.starts_with("script") || tag.starts_with("link")) {
            let target = tag.split('"').find(|part| part.starts_with('/')).unwrap();
            assert!(file(target).is_some(), "{target}");
            assert!(!tag.starts_with("script") || tag.split_once('>').unwrap().1.trim().is_empty(), "{tag}");
        }
    }

    #[test]
    fn packed_forms_are_smaller_and_have_tags_of_their_own() {
        for file in FILES {
            for packed in [&file.brotli, &file.gzip].into_iter().flatten() {
                assert!(packed.bytes.len() < file.plain.bytes.len() + 64, "{}", file.path);
                assert_ne!(packed.etag, file.plain.etag, "{}", file.path);
            }
        }
    }

    #[test]
    fn no_script_of_ours_writes_html() {
        // The library of templates does, through the one policy that the page's rules name.
        for file in FILES.iter().filter(|file| file.mime.starts_with("text/javascript")) {
            let text = std::str::from_utf8(file.plain.bytes).unwrap();
            for word in ["outerHTML", "insertAdjacentHTML", "document.write(", "eval("] {
                assert!(!text.contains(word), "{}: {word}", file.path);
            }
        }
    }
}
