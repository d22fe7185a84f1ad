//! Reads rows from standard input, one line of JSON each, and writes the report to the given
//! directory, and the table of a README if one is given.
//!
//! ```sh
//! cargo run -p tls-benches --bin report -- [--quick] benches [README.md] < rows
//! ```

use std::{error::Error, fs, io, path::Path};

use tls_benches::{
    Row,
    report::{Machine, files, missed, with_summary},
};

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let directory = Path::new(words.first().ok_or("expected the output directory as argument")?);
    let mut rows = Vec::new();
    for line in io::stdin().lines() {
        let line = line?;
        rows.push(Row::from_json(&line).ok_or_else(|| format!("not a row: {line}"))?);
    }
    let mut machine = Machine::here();
    machine.quick = flags.iter().any(|flag| flag == "--quick");
    fs::create_dir_all(directory.join("plots"))?;
    for (name, content) in files(&rows, &machine) {
        fs::write(directory.join(name), content)?;
    }
    if let Some(readme) = words.get(1) {
        let text = with_summary(&fs::read_to_string(readme)?, &rows).ok_or("the README has no table of figures")?;
        fs::write(readme, text)?;
    }
    let missed = missed(&rows);
    println!("{} rows; {} targets missed", rows.len(), missed.len());
    for line in missed {
        println!("  {line}");
    }
    Ok(())
}
