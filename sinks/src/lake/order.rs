//! Sorting a file's rows: slices put in a row where that is enough, a sort where it is not.
//!
//! Runs of raw records are stretches of partitions in offset order, so a file of them is sorted by ordering the
//! stretches; no row is copied. Runs of views are sorted by their keys.

use std::ops::Range;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow_ord::partition::partition;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::ArrowError;
use arrow_select::interleave::{interleave, interleave_record_batch};

/// Rows `start..end` of a run, ascending.
struct Stretch {
    run: usize,
    rows: Range<usize>,
}

/// The rows of all runs in the order of the columns `sort`, as batches to be written one after the other.
pub(super) fn in_order(runs: &[RecordBatch], sort: &[usize]) -> Result<Vec<RecordBatch>, ArrowError> {
    match stretches(runs, sort)? {
        Some(stretches) => match laid_end_to_end(runs, sort, stretches)? {
            Some(sorted) => Ok(sorted),
            None => sorted(runs, sort),
        },
        None => sorted(runs, sort),
    }
}

fn sort_columns(run: &RecordBatch, sort: &[usize]) -> Vec<ArrayRef> {
    sort.iter().map(|&index| run.column(index).clone()).collect()
}

/// Maximal ascending stretches: all sort columns but the last stay the same, the last, a number, does not fall.
/// `None` where there are so many that sorting is cheaper.
fn stretches(runs: &[RecordBatch], sort: &[usize]) -> Result<Option<Vec<Stretch>>, ArrowError> {
    let total: usize = runs.iter().map(RecordBatch::num_rows).sum();
    let most = 16 + total / 64;
    let mut found = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let mut leading = sort_columns(run, sort);
        let last = leading.pop().and_then(|column| column.as_any().downcast_ref::<Int64Array>().cloned());
        let Some(last) = last.filter(|column| column.null_count() == 0) else { return Ok(None) };
        let same = if leading.is_empty() {
            std::iter::once(0..run.num_rows()).collect()
        } else {
            partition(&leading)?.ranges()
        };
        if found.len() + same.len() > most {
            return Ok(None);
        }
        for range in same {
            let mut start = range.start;
            let values = &last.values()[range.clone()];
            for (row, pair) in values.windows(2).enumerate() {
                if pair[1] < pair[0] {
                    found.push(Stretch { run: index, rows: start..range.start + row + 1 });
                    start = range.start + row + 1;
                }
            }
            found.push(Stretch { run: index, rows: start..range.end });
        }
        if found.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// The stretches as slices in order, or `None` where two overlap.
fn laid_end_to_end(
    runs: &[RecordBatch],
    sort: &[usize],
    stretches: Vec<Stretch>,
) -> Result<Option<Vec<RecordBatch>>, ArrowError> {
    let mut ends = Vec::with_capacity(stretches.len() * 2);
    for stretch in &stretches {
        ends.push((stretch.run, stretch.rows.start));
        ends.push((stretch.run, stretch.rows.end - 1));
    }
    let columns = sort
        .iter()
        .map(|&index| {
            let column: Vec<&dyn Array> = runs.iter().map(|run| run.column(index).as_ref()).collect();
            interleave(&column, &ends)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let rows = comparable(&columns)?;
    let mut order: Vec<usize> = (0..stretches.len()).collect();
    order.sort_unstable_by(|&a, &b| rows.row(2 * a).cmp(&rows.row(2 * b)));
    if order.windows(2).any(|pair| rows.row(2 * pair[0] + 1) > rows.row(2 * pair[1])) {
        return Ok(None);
    }
    let slice = |stretch: &Stretch| runs[stretch.run].slice(stretch.rows.start, stretch.rows.len());
    Ok(Some(order.into_iter().map(|index| slice(&stretches[index])).collect()))
}

fn sorted(runs: &[RecordBatch], sort: &[usize]) -> Result<Vec<RecordBatch>, ArrowError> {
    let converted = runs.iter().map(|run| comparable(&sort_columns(run, sort))).collect::<Result<Vec<_>, _>>()?;
    let mut order: Vec<(usize, usize)> = Vec::new();
    for (run, rows) in converted.iter().enumerate() {
        order.extend((0..rows.num_rows()).map(|row| (run, row)));
    }
    order.sort_unstable_by(|a, b| converted[a.0].row(a.1).cmp(&converted[b.0].row(b.1)));
    let runs: Vec<&RecordBatch> = runs.iter().collect();
    Ok(vec![interleave_record_batch(&runs, &order)?])
}

/// Byte strings that compare as the rows do, across batches too.
fn comparable(columns: &[ArrayRef]) -> Result<Rows, ArrowError> {
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    RowConverter::new(fields)?.convert_columns(columns)
}
