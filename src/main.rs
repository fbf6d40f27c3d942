//! The `function-modelplane` binary.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use function_modelplane::cli::explain::{Explain, explain};
use function_modelplane::cli::lint::{Found, Lint, lint};
use function_modelplane::cli::preview::{Preview, preview};
use function_modelplane::cli::verdict::Verdict;
use function_modelplane::server;
use function_modelplane::text::visible::visible;

/// Crossplane composition function that serves large language models with prefill and decode disaggregated.
///
/// Without a command it serves Crossplane.
#[derive(Debug, clap::Parser)]
#[command(version = env!("FUNCTION_MODELPLANE_VERSION"), args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: server::Options,
}

const EXAMPLES: &str = "\
Examples:
  Where would these be placed, and why?
    function-modelplane preview examples/llama-70b
    function-modelplane explain examples/llama-70b --deployment ml-team-a/llama-70b
  What is wrong with them, also at run time?
    function-modelplane lint examples/llama-405b
  What does an edit do to what runs?
    function-modelplane preview --live examples/fleet/live --change examples/fleet/change
  Who holds which GPU?
    function-modelplane preview examples/contention --html fleet.html
  Serve Crossplane, or `crossplane composition render`:
    function-modelplane --tls-certs-dir /tls/server
    function-modelplane --insecure --address 127.0.0.1:9443";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows where manifests would be placed, and what would be composed.
    ///
    /// Exits with 0 when every deployment is placed, 1 when one is not, 2 when the manifests are wrong.
    ///
    /// With --live, --change and --delete it says what becomes of every deployment of a fleet when the change is made and everything
    /// new is ready, and exits with 2 when the manifests are wrong, else with 1 when something is refused, not placed or found to be
    /// broken by the change, else with 3 when something that serves is deleted or restarted, else with 0. What happens without the change as well does not count.
    Preview(Quietly<Preview>),
    /// Says why each deployment is placed where it is.
    ///
    /// Prints every environment with the checks it passed and failed, and who holds the GPUs of its pools. Exits as preview does.
    Explain(Quietly<Explain>),
    /// Finds what is wrong with models, environments and deployments, also what only shows at run time.
    ///
    /// Reads engine arguments as vLLM does. Exits with 0 when there is no error, 1 when there is one, 2 when the files cannot be read.
    Lint(Quietly<Lint>),
    /// Prints the script by which a shell completes this command.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page.
    Man,
}

/// A command that can be asked for nothing but its exit code and what is wrong with its input.
#[derive(Debug, clap::Args)]
struct Quietly<T: clap::Args> {
    #[command(flatten)]
    command: T,
    /// Print nothing but what is wrong with the input; the exit code says the rest.
    #[arg(short, long)]
    quiet: bool,
}

impl<T: clap::Args> Quietly<T> {
    fn out(&self) -> Box<dyn io::Write> {
        // Colour on a terminal, unless NO_COLOR is set.
        if self.quiet { Box::new(io::sink()) } else { Box::new(anstream::stdout()) }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| refuse(&error));
    match arguments.command {
        None => match server::serve(&arguments.serve) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit_code()),
        },
        Some(Command::Preview(asked)) => {
            conclude(preview(&asked.command, &mut io::stdin(), &mut asked.out(), &mut io::stderr().lock()).map(Verdict::exit_code))
        }
        Some(Command::Explain(asked)) => {
            conclude(explain(&asked.command, &mut io::stdin(), &mut asked.out(), &mut io::stderr().lock()).map(Verdict::exit_code))
        }
        Some(Command::Lint(asked)) => {
            conclude(lint(&asked.command, &mut io::stdin(), &mut asked.out(), &mut io::stderr().lock()).map(Found::exit_code))
        }
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut io::stdout().lock());
            ExitCode::SUCCESS
        }
        Some(Command::Man) => match clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout().lock()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&error, 2),
            Ok(()) | Err(_) => ExitCode::SUCCESS,
        },
    }
}

/// Ends with what is wrong with the words, as they can be seen; or with what they ask of the command itself.
fn refuse(error: &clap::Error) -> ! {
    let seen = std::env::args_os().map(|word| visible(&word.to_string_lossy()));
    Arguments::try_parse_from(seen).err().as_ref().unwrap_or(error).exit()
}

fn conclude(exit_code: io::Result<u8>) -> ExitCode {
    match exit_code {
        Ok(code) => ExitCode::from(code),
        // Whoever reads the output may have seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error, 2),
    }
}

fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "{}", visible(&format!("function-modelplane: {error}")));
    ExitCode::from(code)
}
