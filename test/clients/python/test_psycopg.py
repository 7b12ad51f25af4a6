"""Drives the extension through psycopg 3: text and binary parameters and results, arrays, COPY in both
formats in both directions, and what the server says to bad input. The loaders and dumpers below are written
from the formats alone, so that they check them. PGHOST and its kin name the server; ../run.sh sets it up.
"""

import dataclasses
import math
import os
import struct
import unittest

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper, Loader
from psycopg.types import TypeInfo


class Vector(tuple):  # not a list: psycopg would take a list of lists for an array of arrays
    pass


class HalfVector(tuple):
    pass


@dataclasses.dataclass
class SparseVector:
    elements: dict  # value by index from 0
    dims: int


def single(value):
    """The nearest float32 to value."""
    return struct.unpack("f", struct.pack("f", value))[0]


def dense_text(values):
    return "[" + ",".join(repr(float(v)) for v in values) + "]"


def dense_bytes(values, code, unused=0, dims=None):
    return struct.pack(f">hh{len(values)}{code}", len(values) if dims is None else dims, unused, *values)


def sparse_text(vector):
    pairs = ",".join(f"{i + 1}:{float(v)!r}" for i, v in vector.elements.items())
    return "{" + pairs + "}/" + str(vector.dims)


def sparse_bytes(pairs, dims, unused=0, nnz=None):
    count = len(pairs) if nnz is None else nnz
    indices = [i for i, _ in pairs]
    values = [v for _, v in pairs]
    return struct.pack(f">iii{len(pairs)}i{len(pairs)}f", dims, count, unused, *indices, *values)


def formats(cls):
    """The functions (to text, to bytes, from text, from bytes) of one Python class."""
    if cls is SparseVector:

        def from_text(text):
            pairs, dims = text.strip("{").split("}/")
            elements = (pair.split(":") for pair in pairs.split(",") if pair)
            return SparseVector({int(i) - 1: single(float(v)) for i, v in elements}, int(dims))

        def from_bytes(data):
            dims, nnz, unused = struct.unpack_from(">iii", data)
            numbers = struct.unpack_from(f">{nnz}i{nnz}f", data, 12)
            if unused != 0 or len(data) != 12 + 8 * nnz:
                raise ValueError("not a sparsevec")
            return SparseVector(dict(zip(numbers[:nnz], numbers[nnz:])), dims)

        return (sparse_text, lambda v: sparse_bytes(list(v.elements.items()), v.dims), from_text, from_bytes)

    code = {Vector: "f", HalfVector: "e"}[cls]

    def dense_from_bytes(data):
        dims, unused = struct.unpack_from(">hh", data)
        if unused != 0 or len(data) != 4 + dims * struct.calcsize(code):
            raise ValueError("not a " + cls.__name__)
        return cls(struct.unpack_from(f">{dims}{code}", data, 4))

    return (
        dense_text,
        lambda v: dense_bytes(v, code),
        lambda text: cls(single(float(v)) for v in text.strip("[]").split(",")),
        dense_from_bytes,
    )


def register(connection, name, cls):
    info = TypeInfo.fetch(connection, name)
    if info is None:
        raise LookupError(name)
    info.register(connection)
    to_text, to_bytes, from_text, from_bytes = formats(cls)

    class TextLoader(Loader):
        def load(self, data):
            return from_text(bytes(data).decode())

    class BinaryLoader(Loader):
        format = pq.Format.BINARY

        def load(self, data):
            return from_bytes(bytes(data))

    class TextDumper(Dumper):
        oid = info.oid

        def dump(self, obj):
            return to_text(obj).encode()

    class BinaryDumper(Dumper):
        format = pq.Format.BINARY
        oid = info.oid

        def dump(self, obj):
            return to_bytes(obj)

    for loader in (TextLoader, BinaryLoader):
        connection.adapters.register_loader(info.oid, loader)
    for dumper in (TextDumper, BinaryDumper):
        connection.adapters.register_dumper(cls, dumper)
    return info


ROWS = [
    (1, Vector([1.0, 2.0, 3.0]), HalfVector([1.5, -2.25, 0.0]), SparseVector({0: 1.5, 2: 2.0}, 5)),
    (2, Vector([-0.5, single(1e30), 2**-149]), HalfVector([65504.0, -(2**-24), 1.0]), SparseVector({}, 5)),
    (3, Vector([single(0.1), 0.0, -7.0]), HalfVector([0.5, 0.25, 0.125]), SparseVector({4: single(-0.3)}, 5)),
    (4, None, None, None),
]
TYPES = ["int4", "vector", "halfvec", "sparsevec"]
COLUMNS = "id int, v vector(3), h halfvec(3), s sparsevec(5)"


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connection = psycopg.connect(autocommit=True)
        cls.addClassCleanup(cls.connection.close)
        classes = {"vector": Vector, "halfvec": HalfVector, "sparsevec": SparseVector}
        cls.info = {name: register(cls.connection, name, c) for name, c in classes.items()}

    def setUp(self):
        self.connection.execute(f"CREATE TEMP TABLE items ({COLUMNS})")
        self.addCleanup(self.connection.execute, "DROP TABLE items")

    def fill(self):
        with self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO items VALUES (%s, %s, %s, %s)", ROWS)

    def one(self, sql, parameters, binary):
        return self.connection.execute(sql, parameters, binary=binary).fetchone()

    def rows(self, table="items", binary=False):
        cursor = self.connection.execute(f"SELECT * FROM {table} ORDER BY id", binary=binary)
        return cursor.fetchall()

    def copy_out(self, source, options):
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {source} TO STDOUT ({options})") as copy:
            return b"".join(bytes(block) for block in copy)

    def copy_in(self, target, options, data):
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN ({options})") as copy:
            copy.write(data)


class Values(ClientTest):
    def test_every_pair_of_formats(self):
        for column in (1, 2, 3):
            for row in ROWS[:3]:
                for parameter in ("%t", "%b"):
                    for binary in (False, True):
                        with self.subTest(value=row[column], parameter=parameter, binary=binary):
                            value = self.one(f"SELECT {parameter}", (row[column],), binary)[0]
                            self.assertIs(type(value), type(row[column]))
                            self.assertEqual(value, row[column])

    def test_rows_survive_a_table(self):
        self.fill()
        self.assertEqual(self.rows(), ROWS)
        self.assertEqual(self.rows(binary=True), ROWS)

    def test_minus_zero_keeps_its_sign_in_dense_vectors(self):
        for value in (Vector([-0.0]), HalfVector([-0.0])):
            for binary in (False, True):
                self.assertEqual(math.copysign(1, self.one("SELECT %b", (value,), binary)[0][0]), -1)

    def test_arrays(self):
        for column, name in ((1, "vector"), (2, "halfvec"), (3, "sparsevec")):
            values = [row[column] for row in ROWS[:3]]
            for parameter in ("%t", "%b"):
                for binary in (False, True):
                    with self.subTest(name=name, parameter=parameter, binary=binary):
                        sql = f"SELECT {parameter}::{name}[], ({parameter}::{name}[])[2]"
                        self.assertEqual(self.one(sql, (values, values), binary), (values, values[1]))

    def test_all_dimensions(self):
        value = Vector(float(i - 8000) for i in range(16000))
        half = HalfVector(float(i % 2048) for i in range(16000))
        sparse = SparseVector({i * 62500: 1.0 + i for i in range(16000)}, 1000000000)
        for binary in (False, True):
            values = (value, half, sparse)
            self.assertEqual(self.one("SELECT %b, %b, %b", values, binary), values)


class Queries(ClientTest):
    def test_nearest_by_a_binary_parameter(self):
        self.fill()
        sql = "SELECT id, h <-> %b FROM items WHERE h IS NOT NULL ORDER BY h <-> %b"
        query = HalfVector([0.5, 0.0, 0.0])
        rows = self.connection.execute(sql, (query, query), binary=True).fetchall()
        expected = sorted((math.dist(row[2], query), row[0]) for row in ROWS[:3])
        self.assertEqual([row[0] for row in rows], [i for _, i in expected])
        for row, (distance, _) in zip(rows, expected):
            self.assertAlmostEqual(row[1] / distance, 1, places=5)

    def test_prepared_statement(self):
        self.fill()
        sql = "SELECT id FROM items WHERE s IS NOT NULL ORDER BY s <+> %b LIMIT 1"
        for values, best in (({0: 1.0, 2: 2.0}, 1), ({}, 2), ({4: -1.0}, 3), ({0: 2.0}, 2)):
            row = self.connection.execute(sql, (SparseVector(values, 5),), prepare=True).fetchone()
            self.assertEqual(row[0], best)

    def test_averages_come_back_as_the_type(self):
        self.fill()
        row = self.one("SELECT avg(v), sum(h) FROM items WHERE id IN (1, 3, 4)", (), True)
        self.assertEqual(row[0], Vector([single(0.55), 1.0, -2.0]))
        self.assertEqual(row[1], HalfVector([2.0, -2.0, 0.125]))


class Copy(ClientTest):
    def binary_file(self):
        data = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
        for number, v, h, s in ROWS:
            data += struct.pack(">hii", 4, 4, number)
            for value, cls in ((v, Vector), (h, HalfVector), (s, SparseVector)):
                field = None if value is None else formats(cls)[1](value)
                data += struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
        return data + struct.pack(">h", -1)

    def test_binary_file_has_the_bytes_of_the_format(self):
        self.fill()
        self.assertEqual(self.copy_out("items", "FORMAT BINARY"), self.binary_file())

    def test_binary_file_loads(self):
        self.copy_in("items", "FORMAT BINARY", self.binary_file())
        self.assertEqual(self.rows(), ROWS)
        self.assertEqual(self.copy_out("items", "FORMAT BINARY"), self.binary_file())

    def test_text_file_has_the_bytes_of_the_format(self):
        self.fill()
        expected = (
            b"1\t[1,2,3]\t[1.5,-2.25,0]\t{1:1.5,3:2}/5\n"
            b"2\t[-0.5,1e+30,1e-45]\t[65504,-5.9604645e-08,1]\t{}/5\n"
            b"3\t[0.1,0,-7]\t[0.5,0.25,0.125]\t{5:-0.3}/5\n"
            b"4\t\\N\t\\N\t\\N\n"
        )
        self.assertEqual(self.copy_out("items", "FORMAT TEXT"), expected)
        self.copy_in("items", "FORMAT TEXT", expected)
        self.assertEqual(self.rows(), sorted(ROWS + ROWS, key=lambda row: row[0]))

    def test_files_through_a_second_table(self):
        self.fill()
        for options in ("FORMAT TEXT", "FORMAT CSV", "FORMAT BINARY"):
            with self.subTest(options=options):
                self.connection.execute(f"CREATE TEMP TABLE second ({COLUMNS})")
                try:
                    data = self.copy_out("items", options)
                    self.copy_in("second", options, data)
                    self.assertEqual(self.rows("second"), ROWS)
                    self.assertEqual(self.copy_out("second", options), data)
                finally:
                    self.connection.execute("DROP TABLE second")

    def test_rows_written_one_by_one(self):
        for options in ("FORMAT TEXT", "FORMAT BINARY"):
            with self.subTest(options=options):
                self.connection.execute("TRUNCATE items")
                with self.connection.cursor() as cursor:
                    with cursor.copy(f"COPY items FROM STDIN ({options})") as copy:
                        copy.set_types(TYPES)
                        for row in ROWS:
                            copy.write_row(row)
                    self.assertEqual(self.rows(), ROWS)
                    with cursor.copy(f"COPY items TO STDOUT ({options})") as copy:
                        copy.set_types(TYPES)
                        self.assertEqual(list(copy.rows()), ROWS)


class Refusals(ClientTest):
    def receive(self, name, data):
        """(SQLSTATE, message) of the answer to `data` as a binary value; (None, bytes sent back) if taken."""
        result = self.connection.pgconn.exec_params(
            b"SELECT $1", [data], [self.info[name].oid], [pq.Format.BINARY], pq.Format.BINARY
        )
        if result.status == pq.ExecStatus.TUPLES_OK:
            return None, bytes(result.get_value(0, 0))
        field = result.error_field
        return (
            field(pq.DiagnosticField.SQLSTATE).decode(),
            field(pq.DiagnosticField.MESSAGE_PRIMARY).decode(),
        )

    def check(self, name, data, state, message):
        with self.subTest(name=name, message=message):
            self.assertEqual(self.receive(name, data), (state, message))

    def test_dense_binary(self):
        nan, inf = float("nan"), float("inf")
        for name, code in (("vector", "f"), ("halfvec", "e")):
            whole = dense_bytes([1, 2, 3], code)
            self.assertEqual(self.receive(name, whole), (None, whole))
            for n in range(len(whole)):
                self.check(name, whole[:n], "08P01", "insufficient data left in message")
            self.check(name, whole + b"\0", "22P03", "incorrect binary data format in bind parameter 1")
            few = f"{name} must have at least 1 dimension"
            many = f"{name} cannot have more than 16000 dimensions"
            self.check(name, dense_bytes([], code), "22000", few)
            self.check(name, dense_bytes([1], code, dims=-1), "22000", few)
            self.check(name, dense_bytes([0] * 16001, code), "54000", many)
            self.check(name, dense_bytes([1], code, unused=7), "22000", "expected unused to be 0, not 7")
            self.check(name, dense_bytes([1, nan], code), "22000", f"NaN not allowed in {name}")
            self.check(name, dense_bytes([-inf], code), "22000", f"infinite value not allowed in {name}")

    def test_sparse_binary(self):
        whole = sparse_bytes([(0, 1.5), (4, -2)], 5)
        self.assertEqual(self.receive("sparsevec", whole), (None, whole))
        for n in range(len(whole)):
            self.check("sparsevec", whole[:n], "08P01", "insufficient data left in message")
        many = "sparsevec cannot have more than 16000 non-zero elements"
        order = "sparsevec indices must be in ascending order"
        zero = "binary representation of sparsevec cannot contain zero values"
        for data, state, message in (
            (sparse_bytes([], 0), "22000", "sparsevec must have at least 1 dimension"),
            (sparse_bytes([], 1000000001), "54000", "sparsevec cannot have more than 1000000000 dimensions"),
            (sparse_bytes([], 5, nnz=-1), "22000", "sparsevec cannot have negative number of elements"),
            (sparse_bytes([], 99999, nnz=16001), "54000", many),
            (sparse_bytes([], 5, nnz=6), "54000", "sparsevec cannot have more elements than dimensions"),
            (sparse_bytes([(1, 1)], 5, unused=1), "22000", "expected unused to be 0, not 1"),
            (sparse_bytes([(-1, 1)], 5), "22000", "sparsevec index out of bounds"),
            (sparse_bytes([(5, 1)], 5), "22000", "sparsevec index out of bounds"),
            (sparse_bytes([(3, 1), (1, 1)], 5), "22000", order),
            (sparse_bytes([(3, 1), (3, 1)], 5), "22000", "sparsevec indices must not contain duplicates"),
            (sparse_bytes([(3, 0)], 5), "22000", zero),
            (sparse_bytes([(3, float("nan"))], 5), "22000", "NaN not allowed in sparsevec"),
            (sparse_bytes([(3, float("inf"))], 5), "22000", "infinite value not allowed in sparsevec"),
        ):
            self.check("sparsevec", data, state, message)

    def test_binary_value_of_the_wrong_dimensions(self):
        for parameters, message in (
            ((1, Vector([1, 2]), None, None), "expected 3 dimensions, not 2"),
            ((1, None, HalfVector([1] * 4), None), "expected 3 dimensions, not 4"),
            ((1, None, None, SparseVector({0: 1}, 6)), "expected 5 dimensions, not 6"),
        ):
            for slot in ("%t", "%b"):
                with self.subTest(message=message, slot=slot):
                    sql = f"INSERT INTO items VALUES (%s, {slot}, {slot}, {slot})"
                    with self.assertRaises(psycopg.errors.DataException) as caught:
                        self.connection.execute(sql, parameters)
                    self.assertEqual(caught.exception.sqlstate, "22000")
                    self.assertEqual(caught.exception.diag.message_primary, message)

    def test_copied_value_of_the_wrong_dimensions(self):
        for options in ("FORMAT TEXT", "FORMAT BINARY"):
            with self.subTest(options=options), self.assertRaises(psycopg.errors.DataException) as caught:
                with self.connection.cursor() as cursor:
                    with cursor.copy(f"COPY items (v) FROM STDIN ({options})") as copy:
                        copy.set_types(["vector"])
                        copy.write_row((Vector([1, 2, 3, 4]),))
            self.assertEqual(caught.exception.diag.message_primary, "expected 3 dimensions, not 4")
            self.assertIn("column v", caught.exception.diag.context)

    def test_text(self):
        for name, text, state, message, detail in (
            ("vector", "1,2", "22P02", 'invalid input syntax for type vector: "1,2"',
             'Vector contents must start with "[".'),
            ("vector", "[1] 2", "22P02", 'invalid input syntax for type vector: "[1] 2"',
             "Junk after closing right brace."),
            ("halfvec", "{1}", "22P02", 'invalid input syntax for type halfvec: "{1}"',
             'Vector contents must start with "[".'),
            ("sparsevec", "[1]", "22P02", 'invalid input syntax for type sparsevec: "[1]"',
             'Vector contents must start with "{".'),
            ("sparsevec", "{}/5 5", "22P02", 'invalid input syntax for type sparsevec: "{}/5 5"',
             "Junk after closing."),
            ("vector", "[1,nan]", "22000", "NaN not allowed in vector", None),
            ("vector", "[-1e39]", "22003", '"-1e39" is out of range for type vector', None),
            ("halfvec", "[70000]", "22003", '"70000" is out of range for type halfvec', None),
            ("sparsevec", "{0:1}/5", "22000", "sparsevec index out of bounds", None),
            ("sparsevec", "{}/0", "22000", "sparsevec must have at least 1 dimension", None),
        ):  # fmt: skip
            with self.subTest(name=name, text=text):
                with self.assertRaises(psycopg.DatabaseError) as caught:
                    self.connection.execute(f"SELECT %s::text::{name}", (text,))
                diag = caught.exception.diag
                said = (diag.sqlstate, diag.message_primary, diag.message_detail)
                self.assertEqual(said, (state, message, detail))

    def test_type_modifiers(self):
        for name, most in (("vector", 16000), ("halfvec", 16000), ("sparsevec", 1000000000)):
            for modifier, message in (
                ("0", f"dimensions for type {name} must be at least 1"),
                (str(most + 1), f"dimensions for type {name} cannot exceed {most}"),
                ("1, 2", "invalid type modifier"),
            ):
                with self.subTest(name=name, modifier=modifier):
                    with self.assertRaises(psycopg.errors.InvalidParameterValue) as caught:
                        self.connection.execute(f"CREATE TEMP TABLE refused (v {name}({modifier}))")
                    self.assertEqual(caught.exception.diag.message_primary, message)


@unittest.skipUnless(os.environ.get("LOWDIM_CLIENT_EXTENSION", "lowdim") == "lowdim", "codecs are lowdim's own")
class Codecs(ClientTest):
    def test_codecs_and_codes_travel_in_binary(self):
        self.connection.execute(
            "CREATE TEMP TABLE trained AS SELECT codec_train(ARRAY[n, n % 7, n % 3]::vector, '{\"method\":\"lvq8\"}') AS codec"
            " FROM generate_series(1, 100) n"
        )
        self.connection.execute(
            "CREATE TEMP TABLE pairs AS SELECT codec, codec_encode(codec, '[1,2,3]'::vector) AS code FROM trained"
        )
        self.connection.execute("CREATE TEMP TABLE copies (LIKE pairs)")
        with self.connection.cursor() as cursor:
            with cursor.copy("COPY pairs TO STDOUT (FORMAT binary)") as out:
                data = b"".join(bytes(part) for part in out)
            with cursor.copy("COPY copies FROM STDIN (FORMAT binary)") as into:
                into.write(data)
        same = self.connection.execute(
            "SELECT v.codec::text = c.codec::text AND v.code::text = c.code::text"
            " AND codec_decode(c.codec, c.code) = codec_decode(v.codec, v.code) FROM pairs v, copies c"
        ).fetchone()
        self.assertEqual(same, (True,))
        # A damaged byte inside the model is found on the way in.
        damaged = bytearray(data)
        damaged[len(data) // 2] ^= 1
        with self.assertRaises(psycopg.DatabaseError):
            with self.connection.cursor().copy("COPY copies FROM STDIN (FORMAT binary)") as into:
                into.write(bytes(damaged))


if __name__ == "__main__":
    unittest.main()
