//! What backup files promise: they come back as they were written, or not at all.

use std::path::PathBuf;

use keystead::clock::Micros;
use tempfile::TempDir;

use super::*;

/// A file with two tables, of several frames.
async fn written(key: &WrappingKey) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b.backup");
    let header = Header {
        id: "b".to_owned(),
        created_at: Micros(0).to_utc().unwrap(),
        description: String::new(),
        product_version: "0.1.0".to_owned(),
        backup_key: "k".to_owned(),
        cluster_id: String::new(),
        resource_types: vec![],
    };
    let mut writer = Writer::create(&path, &header, key).await.unwrap();
    writer.keys(&keks()).await.unwrap();
    for (name, rows) in [("a", 3), ("b", 0)] {
        writer.table(&table(name)).await.unwrap();
        for _ in 0..rows {
            writer.rows(&vec![7; FRAME / 2]).await.unwrap();
        }
    }
    writer.finish().await.unwrap();
    (folder, path)
}

fn keks() -> Vec<Kek> {
    vec![Kek {
        epoch: 1,
        secret: Zeroizing::new(vec![9; 32]),
    }]
}

fn table(name: &str) -> Table {
    Table {
        relation: name.to_owned(),
        columns: vec!["id".to_owned()],
    }
}

async fn read(path: &Path, key: &WrappingKey) -> Result<Vec<Piece>> {
    let mut reader = Locked::open(path).await?.unlock(key).await?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next().await? {
        pieces.push(piece);
    }
    Ok(pieces)
}

#[tokio::test]
async fn what_was_written_is_read_in_its_order() {
    let key = WrappingKey::generate().unwrap();
    let (_folder, path) = written(&key).await;
    let pieces = read(&path, &key).await.unwrap();
    let rows: usize = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Rows(rows) => rows.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(rows, 3 * (FRAME / 2));
    assert_eq!(pieces.first(), Some(&Piece::Keys(keks())));
    assert_eq!(pieces.get(1), Some(&Piece::Table(table("a"))));
    assert_eq!(pieces.last(), Some(&Piece::Table(table("b"))));
    Locked::open(&path).await.unwrap().check_length().await.unwrap();
}

#[tokio::test]
async fn another_key_opens_nothing_and_the_file_holds_no_secret_in_the_clear() {
    let key = WrappingKey::generate().unwrap();
    let (_folder, path) = written(&key).await;
    let other = WrappingKey::generate().unwrap();
    let refused = read(&path, &other).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::InvalidParam);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(32).any(|window| window == [9; 32] || window == [7; 32]));
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused_wherever_that_was() {
    let key = WrappingKey::generate().unwrap();
    let (_folder, path) = written(&key).await;
    let whole = std::fs::read(&path).unwrap();
    let ends = (1..=12).map(|part| whole.len() * part / 13).chain([0, whole.len() - 1]);
    for end in ends {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert!(read(&path, &key).await.is_err(), "cut off at {end} of {}", whole.len());
        let length = match Locked::open(&path).await {
            Ok(file) => file.check_length().await,
            Err(error) => Err(error),
        };
        assert!(length.is_err(), "without the key: cut off at {end}");
    }
    // Whole, and something behind it.
    std::fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
    assert!(read(&path, &key).await.is_err());
}

#[tokio::test]
async fn a_file_with_one_bit_changed_is_refused_wherever_that_is() {
    let key = WrappingKey::generate().unwrap();
    let (_folder, path) = written(&key).await;
    let whole = std::fs::read(&path).unwrap();
    for place in (0..100).map(|part| part * whole.len() / 100) {
        let mut changed = whole.clone();
        changed[place] ^= 1 << (place % 8);
        std::fs::write(&path, changed).unwrap();
        assert!(read(&path, &key).await.is_err(), "bit {} of byte {place}", place % 8);
    }
}

#[tokio::test]
async fn frames_that_changed_places_are_refused() {
    let key = WrappingKey::generate().unwrap();
    let (_folder, path) = written(&key).await;
    let whole = std::fs::read(&path).unwrap();
    let header = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(1)
        .unwrap()
        .0
        + 1;
    let mut frames = Vec::new();
    let mut rest = &whole[header..];
    while let Some((head, behind)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes(*head.last_chunk::<4>().unwrap()) as usize;
        let (body, behind) = behind.split_at(length);
        frames.push([head.as_slice(), body].concat());
        rest = behind;
    }
    frames.swap(2, 3);
    let changed = [&whole[..header], &frames.concat()].concat();
    assert_eq!(changed.len(), whole.len());
    std::fs::write(&path, changed).unwrap();
    assert!(read(&path, &key).await.is_err());
}
