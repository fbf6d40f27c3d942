//! The `function-modelplane` binary.

use std::process::ExitCode;

use clap::Parser;
use function_modelplane::cli::preview::{Preview, preview};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows what manifests would become.
    Preview(Preview),
}

fn main() -> ExitCode {
    let Arguments { command: Command::Preview(command) } = Arguments::parse();
    match preview(&command, &mut std::io::stdin(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock()) {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        Err(_) => ExitCode::from(2),
    }
}
