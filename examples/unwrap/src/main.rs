//! Prints the address that a server would listen on.
//! The port is the first argument, else the variable PORT, else 8080.

use std::env;

const DEFAULT_PORT: &str = "8080";

/// The port that the user asked for.
fn port() -> u16 {
    let typed = env::args().nth(1);
    let text = typed.or_else(|| env::var("PORT").ok());
    text.as_deref().unwrap_or(DEFAULT_PORT).parse().unwrap()
}

fn main() {
    println!("listening on 127.0.0.1:{}", port());
}
