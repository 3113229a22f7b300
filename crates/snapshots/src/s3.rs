//! A repository in a bucket of S3, or of what speaks as S3 does.

use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::id::Id;
use crate::line::{Answer, Http, body, send_body};
use crate::obstacle::Obstacle;
use crate::storage::{FAR_PIECE, FileKind, Storage};

/// A request must begin within this time after it was signed.
const SIGNED_FOR: Duration = Duration::from_hours(1);

/// Where a bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Place {
    /// Such as `https://s3.eu-central-1.amazonaws.com`; the bucket's name follows in the path.
    pub endpoint: Url,
    pub region: String,
    pub bucket: String,
    /// The folder in the bucket; empty for the bucket itself.
    pub prefix: String,
}

/// A repository in a bucket.
pub struct S3 {
    http: Http,
    bucket: Bucket,
    credentials: Credentials,
    /// Empty, or ends with a slash.
    prefix: String,
}

impl S3 {
    pub fn new(place: S3Place, access_key: String, secret_key: &SecretString) -> io::Result<Self> {
        let S3Place { endpoint, region, bucket, prefix } = place;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let bucket =
            Bucket::new(endpoint, UrlStyle::Path, bucket, region).map_err(|it| invalid(it.to_string()))?;
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let credentials = Credentials::new(access_key, secret_key.expose_secret());
        Ok(Self { http: Http::new()?, bucket, credentials, prefix })
    }

    fn key(&self, kind: FileKind, id: &Id) -> String {
        let Self { prefix, .. } = self;
        match kind {
            FileKind::Config => format!("{prefix}config"),
            FileKind::Pack => {
                let name = id.to_string();
                format!("{prefix}data/{}/{name}", &name[..2])
            }
            FileKind::Key | FileKind::Snapshot | FileKind::Index | FileKind::Lock => {
                format!("{prefix}{}/{id}", kind.folder())
            }
        }
    }

    /// No such file is an answer; what else isn't fine is an error.
    fn ask(
        &self,
        method: &Method,
        url: &Url,
        bytes: u64,
        with: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> io::Result<Option<Answer>> {
        let answer = self.http.ask(method, url, bytes, with)?;
        if answer.status.is_success() {
            return Ok(Some(answer));
        }
        let text = String::from_utf8_lossy(&answer.body);
        let code = code_in(&text).unwrap_or_default();
        let said = format!("{} {code}", answer.status).trim_end().to_owned();
        match (code, answer.status) {
            ("NoSuchBucket", _) => Err(Obstacle::NoBucket.error(said)),
            ("NoSuchKey", _) | ("", StatusCode::NOT_FOUND) => Ok(None),
            ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthorizationHeaderMalformed", _)
            | (_, StatusCode::UNAUTHORIZED) => Err(Obstacle::Login.error(said)),
            (_, StatusCode::FORBIDDEN) if *method == Method::GET => Err(Obstacle::Login.error(said)),
            (_, StatusCode::FORBIDDEN) => Err(Obstacle::NotWritable.error(said)),
            ("QuotaExceeded", _) | (_, StatusCode::INSUFFICIENT_STORAGE) => {
                Err(io::ErrorKind::QuotaExceeded.into())
            }
            _ => Err(io::Error::other(format!("the server answers {said}"))),
        }
    }

    fn objects(&self, prefix: &str) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
            action.with_prefix(prefix);
            if let Some(token) = token.take() {
                action.with_continuation_token(token);
            }
            let answer = self.ask(&Method::GET, &action.sign(SIGNED_FOR), 0, |request| request)?;
            let answer = answer.ok_or_else(|| Obstacle::NoBucket.error(""))?;
            let text = String::from_utf8_lossy(&answer.body);
            let listed = ListObjectsV2::parse_response(&text)
                .map_err(|error| io::Error::other(format!("the bucket's listing can't be read: {error}")))?;
            found.extend(listed.contents.into_iter().filter_map(|it| Some((it.key, it.size?))));
            token = listed.next_continuation_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Storage for S3 {
    fn at(&self) -> String {
        format!("s3:{}{}", self.bucket.base_url(), self.prefix)
    }

    fn list(&self, kind: FileKind) -> io::Result<Vec<(Id, u64)>> {
        if kind == FileKind::Config {
            let key = self.key(kind, &Id([0; 32]));
            let found = self.objects(&key)?.into_iter().filter(|(name, _)| *name == key);
            return Ok(found.map(|(_, size)| (Id([0; 32]), size)).collect());
        }
        let found = self.objects(&format!("{}{}/", self.prefix, kind.folder()))?.into_iter();
        let named = |(key, size): (String, u64)| Some((key.rsplit('/').next()?.parse().ok()?, size));
        Ok(found.filter_map(named).collect())
    }

    fn read(&self, kind: FileKind, id: &Id) -> io::Result<Vec<u8>> {
        let key = self.key(kind, id);
        let url = self.bucket.get_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let found = self.ask(&Method::GET, &url, FAR_PIECE, |request| request)?;
        found.map(|answer| answer.body).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_range(&self, kind: FileKind, id: &Id, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let key = self.key(kind, id);
        let url = self.bucket.get_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let range = format!("bytes={offset}-{}", offset.saturating_add(length as u64 - 1));
        let with = |request: reqwest::RequestBuilder| request.header(header::RANGE, &range);
        let found = self.ask(&Method::GET, &url, length as u64, with)?;
        let answer = found.ok_or(io::ErrorKind::NotFound)?;
        crate::storage::part_of(answer.status == StatusCode::PARTIAL_CONTENT, answer.body, offset, length)
    }

    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let key = self.key(kind, id);
        let url = self.bucket.put_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let content = body(parts);
        let with = |request| send_body(request, &content);
        let found = self.ask(&Method::PUT, &url, content.len() as u64, with)?;
        found.map(drop).ok_or_else(|| Obstacle::NoBucket.error(""))
    }

    fn remove(&self, kind: FileKind, id: &Id) -> io::Result<()> {
        let key = self.key(kind, id);
        let url = self.bucket.delete_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        self.ask(&Method::DELETE, &url, 0, |request| request).map(drop)
    }

    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn sweep(&self) -> io::Result<()> {
        Ok(())
    }

    fn piece(&self) -> u64 {
        FAR_PIECE
    }
}

/// The code in an error as S3 tells it.
fn code_in(xml: &str) -> Option<&str> {
    let (_, after) = xml.split_once("<Code>")?;
    after.split_once("</Code>").map(|(code, _)| code)
}
