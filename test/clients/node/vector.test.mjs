// Drives the extension as a JavaScript program would: the npm packages pg and pgvector, whose text formats,
// type look-up and operators must all fit. PGHOST and its relatives name the server; ../run.sh sets it up.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import pgvector from 'pgvector';
import { registerTypes } from 'pgvector/pg';

const { SparseVector, toSql } = pgvector;
const client = new pg.Client();

const rows = [
  { id: 1, v: [1, 2, 3], h: [1.5, -2.25, 0], s: new SparseVector({ 0: 1.5, 2: 2 }, 5) },
  { id: 2, v: [4, 5, 6], h: [0.5, 65504, -1], s: new SparseVector({ 4: -3 }, 5) },
  { id: 3, v: [1, 1, 1], h: [1, 1, 1], s: new SparseVector([1, 1, 1, 1, 1]) },
];

// Distances as the operators define them.
const distance = {
  '<->': (a, b) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0)),
  '<#>': (a, b) => -a.reduce((sum, x, i) => sum + x * b[i], 0),
  '<=>': (a, b) => {
    const dot = (x, y) => x.reduce((sum, v, i) => sum + v * y[i], 0);
    return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  },
  '<+>': (a, b) => a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0),
};

function near(actual, expected, text) {
  assert.ok(Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected)),
            `${text}: ${actual} is not ${expected}`);
}

function rejects(sql, values, code, message) {
  return assert.rejects(client.query(sql, values), (e) => {
    assert.equal(e.code, code);
    assert.equal(e.message, message);
    return true;
  });
}

before(async () => {
  await client.connect();
  await registerTypes(client);
  await client.query('CREATE TABLE items (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(5))');
  for (const { id, v, h, s } of rows) {
    await client.query('INSERT INTO items VALUES ($1, $2, $3, $4)', [id, toSql(v), toSql(h), toSql(s)]);
  }
});

after(async () => {
  await client.query('DROP TABLE IF EXISTS items');
  await client.end();
});

test('values of the three types read back as they were written', async () => {
  const { rows: read } = await client.query('SELECT id, v, h, s FROM items ORDER BY id');
  assert.equal(read.length, rows.length);
  for (const [i, row] of read.entries()) {
    assert.deepEqual(row.v, rows[i].v);
    assert.deepEqual(row.h, rows[i].h);
    assert.ok(row.s instanceof SparseVector);
    assert.equal(row.s.dimensions, 5);
    assert.deepEqual(row.s.indices, rows[i].s.indices);
    assert.deepEqual(row.s.values, rows[i].s.values);
    assert.deepEqual(row.s.toArray(), rows[i].s.toArray());
  }
});

test('NULL stays NULL', async () => {
  const { rows: [row] } = await client.query('SELECT $1::vector AS v, $2::halfvec AS h, $3::sparsevec AS s',
                                             [toSql(null), toSql(null), null]);
  assert.deepEqual({ ...row }, { v: null, h: null, s: null });
});

test('floats survive in their shortest form', async () => {
  const v = [0.1, -1e-30, 3.4028235e38, 1.4e-45, 16777216].map(Math.fround);
  const { rows: [row] } = await client.query('SELECT $1::vector AS v', [toSql(v)]);
  assert.deepEqual(row.v.map(Math.fround), v);
});

for (const [operator, f] of Object.entries(distance)) {
  test(`nearest neighbours by ${operator}`, async () => {
    const columns = { v: { type: 'vector', query: [3, 1, 2] }, h: { type: 'halfvec', query: [3, 1, 2] },
                      s: { type: 'sparsevec', query: [1, 0, 2, 0, 1] } };
    for (const [column, { type, query }] of Object.entries(columns)) {
      const parameter = column === 's' ? toSql(new SparseVector(query)) : toSql(query);
      const { rows: read } = await client.query(
          `SELECT id, ${column} ${operator} $1::${type} AS d FROM items ORDER BY d`, [parameter]);
      const expected = rows
          .map((r) => ({ id: r.id, d: f(column === 's' ? r.s.toArray() : r[column], query) }))
          .sort((a, b) => a.d - b.d);
      assert.deepEqual(read.map((r) => r.id), expected.map((r) => r.id), `order of ${type}`);
      for (const [i, r] of read.entries()) {
        // A half of 65504 squared leaves the range of halves, never that of the sum.
        near(r.d, expected[i].d, `${type} ${operator}`);
      }
    }
  });
}

test('a thousand vectors: the ten nearest are those that JavaScript finds', async () => {
  let state = 12345;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const vector = () => Array.from({ length: 8 }, () => Math.fround(random() - 0.5));
  const vectors = Array.from({ length: 1000 }, vector);
  await client.query('CREATE TEMP TABLE many (id int, v vector(8))');
  await client.query('INSERT INTO many SELECT n, v FROM unnest($1::int[], $2::vector[]) AS t(n, v)',
                     [vectors.map((_, i) => i), vectors.map(toSql)]);
  const query = vectors[500].map((x) => x + 0.01);
  const { rows: read } = await client.query({
    name: 'nearest',
    text: 'SELECT id FROM many ORDER BY v <-> $1 LIMIT 10',
    values: [toSql(query)],
  });
  const expected = vectors
      .map((v, id) => ({ id, d: distance['<->'](v, query) }))
      .sort((a, b) => a.d - b.d)
      .slice(0, 10);
  assert.deepEqual(read.map((r) => r.id), expected.map((r) => r.id));
  const again = await client.query({ name: 'nearest', values: [toSql(vectors[7])] });
  assert.equal(again.rows[0].id, 7);
});

test('arrays of vectors', async () => {
  const parse = pg.types.getTypeParser(1009, 'text');  // text[]
  const { rows: [row] } = await client.query(
      'SELECT array_agg(v ORDER BY id)::text AS v, array_agg(s ORDER BY id)::text AS s FROM items');
  assert.deepEqual(parse(row.v).map(pgvector.fromSql), rows.map((r) => r.v));
  assert.deepEqual(parse(row.s).map((t) => pgvector.fromSql(t).toArray()), rows.map((r) => r.s.toArray()));

  const { rows: found } = await client.query('SELECT id FROM items WHERE v = ANY($1::vector[]) ORDER BY id',
                                             [[[1, 1, 1], [7, 7, 7], [1, 2, 3]].map(toSql)]);
  assert.deepEqual(found.map((r) => r.id), [1, 3]);
});

test('casts, aggregates and functions', async () => {
  const { rows: [row] } = await client.query(`
      SELECT avg(v) AS mean, sum(v) AS total, (array_agg(v ORDER BY id))[1]::real[] AS numbers,
             sum(h) - sum(h) AS nothing, count(DISTINCT v)::int AS n FROM items WHERE id <> 2`);
  assert.deepEqual(row.mean, [1, 1.5, 2]);
  assert.deepEqual(row.total, [2, 3, 4]);
  assert.deepEqual(row.numbers, [1, 2, 3]);
  assert.deepEqual(row.nothing, [0, 0, 0]);
  assert.equal(row.n, 2);
  const { rows: [more] } = await client.query(`
      SELECT vector_dims($1::vector) AS dims, vector_norm($1::vector) AS norm,
             l2_normalize($1::vector) AS unit, binary_quantize($1::vector)::text AS bits,
             $1::vector::sparsevec AS sparse,
             subvector($1::vector, 2, 2) AS part, $2::real[]::vector AS cast,
             (B'1010' <~> B'0011')::int AS hamming`, [toSql([3, 0, -4]), [1, 2.5]]);
  assert.equal(more.dims, 3);
  assert.equal(more.norm, 5);
  near(more.unit[0], 0.6, 'unit');
  assert.equal(more.bits, '100');
  assert.deepEqual(more.sparse.toArray(), [3, 0, -4]);
  assert.deepEqual(more.part, [0, -4]);
  assert.deepEqual(more.cast, [1, 2.5]);
  assert.equal(more.hamming, 2);
});

test('a vector of 16,000 dimensions', async () => {
  const v = Array.from({ length: 16000 }, (_, i) => i - 8000);
  const { rows: [row] } = await client.query('SELECT $1::vector AS v', [toSql(v)]);
  assert.deepEqual(row.v, v);
  await rejects('SELECT $1::vector', [toSql([...v, 1])], '54000',
                'vector cannot have more than 16000 dimensions');
});

test('wrong dimensions', async () => {
  const insert = (column) => `INSERT INTO items (id, ${column}) VALUES (9, $1)`;
  await rejects(insert('v'), [toSql([1, 2])], '22000', 'expected 3 dimensions, not 2');
  await rejects(insert('h'), [toSql([1, 2, 3, 4])], '22000', 'expected 3 dimensions, not 4');
  await rejects(insert('s'), [toSql(new SparseVector([1, 2, 3, 4]))], '22000',
                'expected 5 dimensions, not 4');
  const compare = (left, right) => `SELECT ${left} ${right} FROM items`;
  await rejects(compare('v', '<-> $1'), [toSql([1, 2])], '22000', 'different vector dimensions 3 and 2');
  await rejects(compare('h', '<#> $1'), [toSql([1, 2])], '22000', 'different halfvec dimensions 3 and 2');
  await rejects(compare('s', '<+> $1'), [toSql(new SparseVector([1, 2]))], '22000',
                'different sparsevec dimensions 5 and 2');
  await rejects('SELECT $1::vector', ['[]'], '22000', 'vector must have at least 1 dimension');
});

test('values that are no vectors', async () => {
  const refused = [
    ['vector', 'hello', '22P02', 'invalid input syntax for type vector: "hello"'],
    ['halfvec', '[1,', '22P02', 'invalid input syntax for type halfvec: "[1,"'],
    ['sparsevec', '{1:2}', '22P02', 'invalid input syntax for type sparsevec: "{1:2}"'],
    ['vector', '[1,NaN,3]', '22000', 'NaN not allowed in vector'],
    ['halfvec', '[Infinity]', '22000', 'infinite value not allowed in halfvec'],
    ['vector', '[1,+1e39]', '22003', '"+1e39" is out of range for type vector'],
    ['halfvec', '[65520]', '22003', '"65520" is out of range for type halfvec'],
    ['sparsevec', '{6:1}/5', '22000', 'sparsevec index out of bounds'],
    ['sparsevec', '{2:1,2:1}/5', '22000', 'sparsevec indices must not contain duplicates'],
  ];
  for (const [type, text, code, message] of refused) {
    await rejects(`SELECT $1::${type}`, [text], code, message);
  }
});

test('the connection lives on after errors', async () => {
  const { rows: [row] } = await client.query('SELECT count(*)::int AS n FROM items');
  assert.equal(row.n, rows.length);
});
