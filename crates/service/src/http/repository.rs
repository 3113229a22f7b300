//! The repository of backups, for reading: restic's REST protocol, versions 1 and 2.
//!
//! Whoever may read it still needs its key, or the recovery phrase, to make sense of it. Nothing is written: `restic`
//! is to be used with `--no-lock`.

use std::{io::SeekFrom, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use mailcup_snapshots::{FileKind, Folder, Id, Storage as _};
use mailcup_wire::{Code, Problem};
use serde_json::{Value, json};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::MailReader,
    body::Path,
    problem::{Answer, HttpProblem},
};
use crate::{app::App, backup::BackupError};

const VERSION_1: &str = "application/vnd.x.restic.rest.v1";
const VERSION_2: &str = "application/vnd.x.restic.rest.v2";

/// So many bytes are in memory for each request.
const PIECE: usize = 64 * 1024;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(config)).routes(routes!(file))
}

/// The files of a kind: `keys`, `snapshots`, `index`, `data` or `locks`. With the media type of version 2 in `Accept`, with their sizes.
#[utoipa::path(
    get, path = "/repo/{kind}/", tag = "repository", params(("kind" = String, Path)),
    responses((status = 200, content_type = VERSION_2, body = Value)), extensions(("x-permission" = json!("mail"))),
)]
async fn list(
    State(app): State<Arc<App>>,
    _: MailReader,
    headers: HeaderMap,
    Path(kind): Path<String>,
) -> Answer<Response> {
    let (folder, kind) = (folder(&app)?, kind_of(&kind)?);
    let listed = tokio::task::spawn_blocking(move || folder.list(kind)).await.map_err(|_| failed())?;
    let files = match listed {
        // Nothing of the kind was ever written.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        listed => listed.map_err(|error| unreadable(&error))?,
    };
    let with_sizes = headers.get(header::ACCEPT).is_some_and(|accept| accept == VERSION_2);
    let (content_type, files): (_, Vec<Value>) = if with_sizes {
        (VERSION_2, files.iter().map(|(id, size)| json!({ "name": id, "size": size })).collect())
    } else {
        (VERSION_1, files.iter().map(|(id, _)| json!(id)).collect())
    };
    Ok(([(header::CONTENT_TYPE, content_type)], Value::Array(files).to_string()).into_response())
}

/// The repository's config.
#[utoipa::path(
    get, path = "/repo/config", tag = "repository",
    responses((status = 200, content_type = "application/octet-stream"), (status = 206)),
    extensions(("x-permission" = json!("mail"))),
)]
async fn config(State(app): State<Arc<App>>, _: MailReader, headers: HeaderMap) -> Answer<Response> {
    send(&folder(&app)?, FileKind::Config, &Id([0; 32]), &headers).await
}

/// A file, or the part of it that `Range` asks for.
#[utoipa::path(
    get, path = "/repo/{kind}/{name}", tag = "repository", params(("kind" = String, Path), ("name" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 206), (status = 404)),
    extensions(("x-permission" = json!("mail"))),
)]
async fn file(
    State(app): State<Arc<App>>,
    _: MailReader,
    headers: HeaderMap,
    Path((kind, name)): Path<(String, String)>,
) -> Answer<Response> {
    let id: Id = name.parse().map_err(|_| no_file())?;
    // Names have one spelling.
    if id.to_string() != name {
        return Err(no_file());
    }
    send(&folder(&app)?, kind_of(&kind)?, &id, &headers).await
}

async fn send(folder: &Folder, kind: FileKind, id: &Id, headers: &HeaderMap) -> Answer<Response> {
    let mut file = match File::open(folder.path(kind, id)).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(no_file()),
        opened => opened.map_err(|error| unreadable(&error))?,
    };
    let size = file.metadata().await.map_err(|error| unreadable(&error))?.len();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).and_then(Range::read);
    let wanted = range.map_or(Some((0, size)), |range| range.of(size));
    let Some((first, length)) = wanted else {
        let said = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, said).into_response());
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    file.seek(SeekFrom::Start(first)).await.map_err(|error| unreadable(&error))?;
    let pieces = stream::try_unfold((file, length), async |(mut file, left)| {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    });
    let mut response = (status, Body::from_stream(Box::pin(pieces))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = HeaderValue::try_from(format!("bytes {first}-{}/{size}", first + length - 1))
    {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// One range of bytes, as HTTP asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    From { first: u64, last: Option<u64> },
    Last { length: u64 },
}

impl Range {
    /// None for what isn't one range: then the whole is sent, as HTTP has it.
    fn read(text: &str) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| text.trim().parse().ok();
        match (first.trim(), last.trim()) {
            ("", last) => Some(Self::Last { length: number(last)? }),
            (first, "") => Some(Self::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }

    /// Its begin and length in so many bytes; none if it lies outside.
    fn of(self, size: u64) -> Option<(u64, u64)> {
        match self {
            Self::From { first, .. } if first >= size => None,
            Self::From { first, last } => {
                Some((first, last.map_or(size, |last| size.min(last.saturating_add(1))) - first))
            }
            Self::Last { length } => {
                let length = length.min(size);
                (length > 0).then_some((size - length, length))
            }
        }
    }
}

fn folder(app: &App) -> Result<Folder, HttpProblem> {
    let config = app.config.backup.as_ref().ok_or(BackupError::NotConfigured);
    Ok(config.map(|config| Folder::new(&config.repository))?)
}

fn kind_of(name: &str) -> Result<FileKind, HttpProblem> {
    let kinds = FileKind::KEPT.into_iter().chain([FileKind::Lock]);
    kinds.into_iter().find(|kind| kind.folder() == name).ok_or_else(no_file)
}

fn no_file() -> HttpProblem {
    Problem::new(Code::NotFound, "There is no such file in the repository.").into()
}

fn unreadable(error: &std::io::Error) -> HttpProblem {
    Problem::new(Code::Unavailable, format!("The repository can't be read: {error}; is its disk mounted?"))
        .into()
}

fn failed() -> HttpProblem {
    Problem::new(Code::Internal, "The service failed at this; its log says more.").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        let of = |text: &str, size| Range::read(text).map(|range| range.of(size));
        assert_eq!(of("bytes=0-", 10), Some(Some((0, 10))));
        assert_eq!(of("bytes=3-4", 10), Some(Some((3, 2))));
        assert_eq!(of("bytes=3-99", 10), Some(Some((3, 7))));
        assert_eq!(of("bytes=3-18446744073709551615", 10), Some(Some((3, 7))));
        assert_eq!(of("bytes=-4", 10), Some(Some((6, 4))));
        assert_eq!(of("bytes=-40", 10), Some(Some((0, 10))));
        assert_eq!(
            (of("bytes=10-", 10), of("bytes=-0", 10), of("bytes=0-", 0)),
            (Some(None), Some(None), Some(None))
        );
        for odd in ["bytes=4-3", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,4-5"] {
            assert_eq!(of(odd, 10), None, "{odd}");
        }
    }
}
