use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};

use rand::RngExt as _;

/// The claims of this process, kept until it ends.
static CLAIMS: Mutex<Vec<UnixDatagram>> = Mutex::new(Vec::new());

/// A TCP port on which nothing listens, and which nobody else is given while this process runs.
///
/// It lies below the range from which the kernel takes the local ports of outgoing connections, so that no
/// client of a test running beside this one can take it before its server does.
pub fn free_port() -> u16 {
    let mut rng = rand::rng();
    loop {
        let port = rng.random_range(10_000..32_000);
        if let Some(claim) = claim(port)
            && TcpListener::bind(("0.0.0.0", port)).is_ok()
        {
            CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
            return port;
        }
    }
}

/// A name that only one socket of the network namespace bears at a time; the kernel gives it back with the process.
fn claim(port: u16) -> Option<UnixDatagram> {
    let name = SocketAddr::from_abstract_name(format!("mailcup-lab/port/{port}")).ok()?;
    UnixDatagram::bind_addr(&name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_not_given_again() {
        let port = free_port();
        assert!(claim(port).is_none());
        let other = claim(9_999).unwrap();
        assert!(claim(9_999).is_none());
        drop(other);
        assert!(claim(9_999).is_some());
    }
}
