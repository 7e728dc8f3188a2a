//! The stranger's server: hostile pages, and an ear for what gets out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::case::Page;

/// Paths that nobody calls but who was talked into it.
const LOOT: &str = "/loot";

#[derive(Default)]
struct World {
    pages: BTreeMap<String, Page>,
    calls: Vec<String>,
}

/// Stops with the runtime of its test.
pub(super) struct Stranger {
    world: Arc<Mutex<World>>,
    url: String,
}

impl Stranger {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::<Mutex<World>>::default();
        let served = world.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, served.clone()));
            }
        });
        Self { world, url }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// Serves these pages and forgets the others, and every call.
    pub(super) fn serve(&self, pages: &BTreeMap<String, Page>) {
        *self.world.lock().unwrap_or_else(PoisonError::into_inner) = World { pages: pages.clone(), calls: Vec::new() };
    }

    /// Calls that only somebody makes who was talked into it.
    pub(super) fn stolen(&self) -> Vec<String> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.calls.iter().filter(|call| call.starts_with(LOOT)).cloned().collect()
    }
}

async fn answer(mut stream: TcpStream, world: Arc<Mutex<World>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => request.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let page = {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.calls.push(path.clone());
        world.pages.get(&path).cloned()
    };
    let answer = match page {
        Some(Page { body, kind, status, location }) => {
            let location = location.map_or_else(String::new, |to| format!("Location: {to}\r\n"));
            format!(
                "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n{location}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        }
        None => "HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}
