use std::net::TcpListener;

use rand::RngExt as _;

/// A TCP port on which nothing listens.
///
/// It lies below the range from which the kernel takes the local ports of outgoing connections, so that no
/// client of a test running beside this one can take it before its server does.
pub fn free_port() -> u16 {
    let mut rng = rand::rng();
    loop {
        let port = rng.random_range(10_000..32_000);
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}
