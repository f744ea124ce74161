//! The `vecshift` program; see [`vecshift::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    vecshift::cli::main(std::env::args_os(), std::env::vars_os())
}

/// Keeps a standard output that was closed before the start one that nothing can be written to.
///
/// Before `main` the runtime puts `/dev/null`, open for reading and writing, in the place of a closed stream, and
/// whatever is written there is lost with success. Programs that start others hand over just that on purpose, so that
/// afterwards nobody can tell which it was. No safe code runs before the runtime: this is the one place that is not.
#[cfg(target_os = "linux")]
mod before_main {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::io::fcntl_getfd;
    use rustix::stdio::{stdin, stdout};
    use std::os::fd::IntoRawFd;

    #[used]
    #[unsafe(link_section = ".init_array")]
    #[expect(
        unsafe_code,
        reason = "the section holds functions that take nothing and are called once"
    )]
    static KEEP_CLOSED: extern "C" fn() = keep_closed;

    /// Opens `/dev/null` for reading alone in the places of closed streams. An opened file takes the lowest free number,
    /// and so standard input comes first.
    extern "C" fn keep_closed() {
        for stream in [stdin(), stdout()] {
            if fcntl_getfd(stream).is_err()
                && let Ok(null) = open("/dev/null", OFlags::RDONLY, Mode::empty())
            {
                let _ = null.into_raw_fd();
            }
        }
    }
}
