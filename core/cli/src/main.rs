//! The binary `ceralacca`; everything is in the library beside it.

fn main() -> std::process::ExitCode {
    ceralacca_cli::main()
}
