//! Pictures of every page in every state, held against small ones that are kept: gross breakage, nothing finer.
//!
//! A picture is reduced to a grid of square cells, each as bright as its part of the page.
//! The browser has one font, the tests' own. A time or an address moves few cells by little; a missing style, a column that falls under another or
//! text on its own colour moves many.
//! With `PORTCULLIS_PICTURES=accept` the pictures that are kept are made anew.
//! With `PORTCULLIS_SCREENSHOTS=folder` the whole ones are kept there.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::browser::chromium::Browser;
use crate::browser::media::Scheme;
use crate::browser::states::Tour;

/// A page, seen without glasses: rows of cells, each from 1 (black) to 15 (white).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grid(Vec<Vec<u8>>);

/// The side of a cell, in CSS pixels.
const CELL: usize = 16;
const WIDTHS: [u32; 3] = [320, 768, 1280];
/// By how much a cell may differ, of 14 steps, from the nearest of its neighbours in the other picture.
const STEPS: u8 = 1;
/// How many cells of a hundred may differ by more.
/// Letters of another size move 5 of them; text on its own colour moves 70.
const CELLS: f64 = 8.0;
/// By how many parts of a hundred a page may be longer or shorter.
/// A page that lost its style or its form is shorter by 24 and more.
const HEIGHT: f64 = 12.0;

impl Grid {
    /// The grid of a picture.
    fn of(png: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let samples = info.color_type.samples();
        let (width, height) = (info.width as usize, info.height as usize);
        let brightness = |x: usize, y: usize| {
            let pixel = &pixels[y * info.line_size + x * samples..][..3];
            // Rec. 601: what the eye makes of red, green and blue.
            u64::from(pixel[0]) * 299 + u64::from(pixel[1]) * 587 + u64::from(pixel[2]) * 114
        };
        let cell = |column: usize, row: usize| {
            let places = (0..CELL * CELL).map(|at| (column * CELL + at % CELL, row * CELL + at / CELL));
            let mean =
                places.map(|(x, y)| brightness(x, y)).sum::<u64>() as f64 / (CELL * CELL) as f64 / 255_000.0;
            1 + (mean * 14.0).round() as u8
        };
        let row = |row: usize| (0..width / CELL).map(|column| cell(column, row)).collect();
        Self((0..height / CELL).map(row).collect())
    }

    /// What is grossly different from the picture that is kept.
    fn fault(&self, kept: &Self) -> Option<String> {
        let (height, before, columns) = (self.0.len(), kept.0.len(), self.0[0].len());
        let longer = 100.0 * (height as f64 - before as f64) / before as f64;
        if longer.abs() > HEIGHT {
            return Some(format!("{longer:+.0} % in height"));
        }
        // Where the page is a little longer, everything below has moved; the picture is stretched over the other.
        let cells = (0..height).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let mut different = 0;
        let mut filled = 0;
        for (row, column) in cells {
            let there = row * before / height;
            let here = self.0[row][column];
            let near = (there.saturating_sub(1)..=(there + 1).min(before - 1)).flat_map(|row| {
                (column.saturating_sub(1)..=(column + 1).min(columns - 1)).map(move |column| (row, column))
            });
            let nearest =
                near.map(|(row, column)| kept.0[row][column].abs_diff(here)).min().unwrap_or_default();
            different += usize::from(nearest > STEPS);
            filled += usize::from(here != self.ground() || kept.0[there][column] != kept.ground());
        }
        let share = 100.0 * different as f64 / filled.max(1) as f64;
        (share > CELLS).then(|| format!("{share:.1} % of the cells"))
    }

    /// How bright the page is where nothing stands: its first corner.
    fn ground(&self) -> u8 {
        self.0[self.0.len() - 1][0]
    }
}

/// Takes a picture of the page when it has come to rest: two in a row are the same.
async fn photograph(browser: &Browser, width: u32) -> Vec<u8> {
    let mut before = snap(browser, width).await;
    for _ in 0..10 {
        let now = snap(browser, width).await;
        if now == before {
            break;
        }
        before = now;
    }
    before
}

/// Takes a picture of the whole page as it is at this moment.
async fn snap(browser: &Browser, width: u32) -> Vec<u8> {
    // What was asked of the window is drawn two frames later at the latest.
    let rest = "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
    let height = browser.run_async(&format!("{rest}; return document.documentElement.scrollHeight")).await;
    let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
    let taken = browser
        .cdp(
            "Page.captureScreenshot",
            json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }),
        )
        .await;
    STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
}

/// Where the pictures of a state are kept: one sheet, on which its grids stand side by side.
fn sheet(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/browser/pictures").join(format!("{name}.png"))
}

/// Writes the grids of a state; cells below the end of a page are 0.
fn keep(name: &str, grids: &[Grid]) {
    let height = grids.iter().map(|grid| grid.0.len()).max().unwrap();
    let path = sheet(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let width: usize = grids.iter().map(|grid| grid.0[0].len()).sum();
    let mut encoder = png::Encoder::new(file, u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_compression(png::Compression::High);
    let of = |grid: &Grid, row: usize| grid.0.get(row).cloned().unwrap_or_else(|| vec![0; grid.0[0].len()]);
    let cells: Vec<u8> =
        (0..height).flat_map(|row| grids.iter().flat_map(move |grid| of(grid, row))).collect();
    let packed: Vec<u8> = cells.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    encoder.write_header().unwrap().write_image_data(&packed).unwrap();
}

/// The grids of a state that are kept; none when there are none.
fn kept(name: &str) -> Vec<Grid> {
    let Ok(file) = std::fs::File::open(sheet(name)) else { return Vec::new() };
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut packed = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut packed).unwrap();
    let cells: Vec<u8> = packed.iter().flat_map(|pair| [pair >> 4, pair & 15]).collect();
    let mut begin = 0;
    let columns = Scheme::BOTH.iter().flat_map(|_| WIDTHS).map(|width| width as usize / CELL);
    columns
        .map(|columns| {
            let rows = cells.chunks(info.width as usize).map(|row| row[begin..][..columns].to_vec());
            let grid = Grid(rows.take_while(|row| row[0] > 0).collect());
            begin += columns;
            grid
        })
        .collect()
}

/// The grids of the page in front of the browser, in both schemes and at three widths.
async fn grids(browser: &Browser, name: &str) -> Vec<(Scheme, u32, Grid)> {
    let folder = std::env::var_os("PORTCULLIS_SCREENSHOTS");
    let mut grids = Vec::new();
    for scheme in Scheme::BOTH {
        browser.set_scheme(scheme).await;
        for width in WIDTHS {
            // Lower than any page, so that each is as high as what is on it.
            browser.set_size(width, 400).await;
            let png = photograph(browser, width).await;
            if let Some(folder) = &folder {
                std::fs::create_dir_all(folder).unwrap();
                let name = format!("{name}-{scheme:?}-{width}.png").to_lowercase();
                std::fs::write(Path::new(folder).join(name), &png).unwrap();
            }
            grids.push((scheme, width, Grid::of(&png)));
        }
    }
    grids
}

/// What is grossly different, one line each.
fn faults(name: &str, grids: &[(Scheme, u32, Grid)]) -> Vec<String> {
    let kept = kept(name);
    if kept.len() != grids.len() {
        return vec![format!("{name}: no pictures are kept; PORTCULLIS_PICTURES=accept makes them")];
    }
    let pairs = grids.iter().zip(&kept);
    let found = pairs.filter_map(|((scheme, width, grid), kept)| {
        let fault = grid.fault(kept)?;
        Some(format!("{name}, {scheme:?}, {width} px: {fault}"))
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn every_page_looks_as_it_did() {
    let is_accepted = std::env::var("PORTCULLIS_PICTURES").is_ok_and(|value| value == "accept");
    let tour = Tour::begin("en").await;
    let mut found = Vec::new();
    tour.go(async |browser, state| {
        let grids = grids(browser, state.name).await;
        if is_accepted {
            keep(state.name, &grids.iter().map(|(_, _, grid)| grid.clone()).collect::<Vec<_>>());
        }
        found.extend(faults(state.name, &grids));
    })
    .await;
    assert!(found.is_empty(), "pages look different:\n{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver"]
async fn a_page_that_has_lost_its_style_is_not_taken_for_itself() {
    let tour = Tour::begin("en").await;
    let browser = &tour.browser;
    browser.visit("/login?next=/sessions").await;
    // Letters that another version of the browser draws a little smaller or larger are not breakage.
    for size in ["15.5px", "15.8px", "16.3px"] {
        browser.run(&format!("document.documentElement.style.fontSize = '{size}'")).await;
        assert_eq!(faults("login", &grids(browser, "login-in-another-size").await), [""; 0], "{size}");
    }

    browser.visit("/login?next=/sessions").await;
    browser.run("document.querySelector('link[rel=stylesheet]').remove()").await;
    let found = faults("login", &grids(browser, "login-without-style").await);
    assert_eq!(found.len(), 6, "in both schemes and at every width: {found:?}");

    browser.visit("/login?next=/sessions").await;
    browser.run("document.querySelector('.card').style.background = 'currentColor'").await;
    assert_eq!(faults("login", &grids(browser, "login-without-contrast").await).len(), 6);

    browser.visit("/login?next=/sessions").await;
    browser.run("document.querySelector('main form').remove()").await;
    assert_eq!(faults("login", &grids(browser, "login-without-form").await).len(), 6);
}
