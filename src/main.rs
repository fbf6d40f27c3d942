//! The `function-modelplane` binary.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use function_modelplane::server;

/// Crossplane composition function that serves large language models with prefill and decode disaggregated
#[derive(clap::Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    serve: server::Options,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match server::serve(&arguments.serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "function-modelplane: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
