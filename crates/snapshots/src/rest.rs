//! A repository at a REST server as restic's.

use std::io;

use reqwest::{Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::id::Id;
use crate::line::{Answer, Http, body, send_body};
use crate::obstacle::Obstacle;
use crate::storage::{FAR_PIECE, FileKind, Storage};

/// Lists files with their sizes.
const LISTING: &str = "application/vnd.x.restic.rest.v2";

/// A repository at a REST server as restic's.
#[derive(Debug)]
pub struct Rest {
    http: Http,
    /// Ends with a slash.
    base: Url,
    login: Option<(String, SecretString)>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u64,
}

impl Rest {
    /// `base` is what restic calls `rest:BASE`; a login goes by basic authentication.
    pub fn new(mut base: Url, login: Option<(String, SecretString)>) -> io::Result<Self> {
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the address must begin with https://"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { http: Http::new()?, base, login })
    }

    fn url(&self, kind: FileKind, id: Option<&Id>) -> io::Result<Url> {
        let path = match (kind, id) {
            (FileKind::Config, _) => "config".to_owned(),
            (kind, None) => format!("{}/", kind.folder()),
            (kind, Some(id)) => format!("{}/{id}", kind.folder()),
        };
        self.base.join(&path).map_err(io::Error::other)
    }

    /// Not found is an answer; what else isn't fine is an error.
    fn ask(
        &self,
        method: &Method,
        url: &Url,
        bytes: u64,
        with: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> io::Result<Option<Answer>> {
        let answer = self.http.ask(method, url, bytes, |request| {
            let request = match &self.login {
                Some((user, password)) => request.basic_auth(user, Some(password.expose_secret())),
                None => request,
            };
            with(request)
        })?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if answer.status.is_success() {
            return Ok(Some(answer));
        }
        let said = format!("{} for {method}", answer.status);
        Err(match answer.status {
            StatusCode::UNAUTHORIZED => Obstacle::Login.error(said),
            StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED
                if matches!(*method, Method::GET | Method::HEAD) =>
            {
                Obstacle::Login.error(said)
            }
            StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => Obstacle::NotWritable.error(said),
            StatusCode::INSUFFICIENT_STORAGE => io::ErrorKind::StorageFull.into(),
            _ => io::Error::other(format!("the server answers {said}")),
        })
    }
}

impl Storage for Rest {
    fn at(&self) -> String {
        self.base.to_string()
    }

    fn list(&self, kind: FileKind) -> io::Result<Vec<(Id, u64)>> {
        if kind == FileKind::Config {
            let found = self.ask(&Method::HEAD, &self.url(kind, None)?, 0, |request| request)?;
            return Ok(found.into_iter().map(|it| (Id([0; 32]), it.length.unwrap_or(0))).collect());
        }
        let with = |request: reqwest::RequestBuilder| request.header(header::ACCEPT, LISTING);
        let Some(answer) = self.ask(&Method::GET, &self.url(kind, None)?, 0, with)? else {
            return Ok(Vec::new());
        };
        let listed: Option<Vec<Listed>> = serde_json::from_slice(&answer.body).map_err(|_| {
            io::Error::other("what answers there doesn't speak version 2 of restic's REST protocol")
        })?;
        let listed = listed.into_iter().flatten();
        Ok(listed.filter_map(|it| Some((it.name.parse().ok()?, it.size))).collect())
    }

    fn read(&self, kind: FileKind, id: &Id) -> io::Result<Vec<u8>> {
        let found = self.ask(&Method::GET, &self.url(kind, Some(id))?, FAR_PIECE, |request| request)?;
        found.map(|answer| answer.body).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_range(&self, kind: FileKind, id: &Id, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let range = format!("bytes={offset}-{}", offset.saturating_add(length as u64 - 1));
        let with = |request: reqwest::RequestBuilder| request.header(header::RANGE, &range);
        let found = self.ask(&Method::GET, &self.url(kind, Some(id))?, length as u64, with)?;
        let answer = found.ok_or(io::ErrorKind::NotFound)?;
        crate::storage::part_of(answer.status == StatusCode::PARTIAL_CONTENT, answer.body, offset, length)
    }

    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let content = body(parts);
        let with = |request| send_body(request, &content);
        let found = self.ask(&Method::POST, &self.url(kind, Some(id))?, content.len() as u64, with)?;
        found.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove(&self, kind: FileKind, id: &Id) -> io::Result<()> {
        self.ask(&Method::DELETE, &self.url(kind, Some(id))?, 0, |request| request).map(drop)
    }

    fn prepare(&self) -> io::Result<()> {
        let mut url = self.base.clone();
        url.set_query(Some("create=true"));
        self.ask(&Method::POST, &url, 0, |request| request).map(drop)
    }

    fn sweep(&self) -> io::Result<()> {
        Ok(())
    }

    fn piece(&self) -> u64 {
        FAR_PIECE
    }
}
