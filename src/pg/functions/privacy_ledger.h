// The extension's tables of privacy budgets, read and written by its own functions whoever calls them, and
// the rules that protect them:
//   - every query runs between become() and come_back(), where nothing but pg_catalog is on the search_path,
//     and names the ledger's tables with the schema of the function that was called, so that no object of a
//     caller's is ever found;
//   - the tables grant nothing to anybody; functions become their owner for their own queries only. An error
//     undoes what become() did together with the transaction.
#pragma once

#include "core/privacy/ledger.h"
#include "pg/compat.h"
#include "pg/pg.h"

extern "C" {
#include "access/attnum.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
}

namespace lowdim::pg {

// The type dp_column. {0, 0} is a column that is gone.
struct ColumnName {
  Oid table;
  int16 attnum;
  int16 unused;
};
static_assert(sizeof(ColumnName) == 8);

struct Ledger {
  Oid schema;
  const char* name;  // of the schema, quoted
  Oid owner;
  Oid column_type;  // dp_column
};
// The tables in the schema of the function that is called.
Ledger ledger_of(FunctionCallInfo fcinfo);
// A type of the extension's.
Oid type_in(const Ledger& ledger, const char* name);

struct Role {
  Oid user;
  int context;
  int settings;
};
// Acts as `role`, with nothing but pg_catalog on the search_path. `more`: further SECURITY_ flags.
Role become(Oid role, int more = 0);
void come_back(const Role& role);

// Runs a command within SPI in which every @ stands for the ledger's schema. Returns the number of rows.
// Raises unless the command is of the kind `expected` (SPI_OK_...).
struct Parameters {
  int n;
  Oid types[12];
  Datum values[12];
  char nulls[12];

  void add(Oid type, Datum value, bool null = false) {
    types[n] = type;
    values[n] = value;
    nulls[n++] = null ? 'n' : ' ';
  }
};
uint64 run(const Ledger& ledger, const char* command, int expected, Parameters& parameters,
           bool read_only = false);
// Column `n`, from 1, of row `row` of what run() read.
Datum value_of(uint64 row, int n, bool* null = nullptr);

struct Protection {
  int32 id;  // 0: the column is not protected
  ColumnName column, unit;
  bool has_unit;
  int32 max_rows;
  int32 charges;
  core::PrivacyBudget budget;
};
// Within SPI, as the ledger's owner: the number of a column's protection as it is now, whatever snapshot the
// transaction has; 0 if it has none.
int32 protection_id(const Ledger& ledger, const ColumnName& column);
// The protection, locked until the transaction ends; its id is 0 if the transaction does not see it.
Protection lock_protection(const Ledger& ledger, int32 id);
// What its charges come to together.
core::PrivacyCost spent_of(const Ledger& ledger, const Protection& protection);

// A column by name: raises if there is none, or if the current role does not own the table.
ColumnName owned_column(Oid table, const char* column);
// Whether the column is still there; who owns its table, or is a superuser where it is not.
bool is_column(const ColumnName& column);
bool owned_by(const ColumnName& column, Oid role);
// Raises unless its type is vector or halfvec.
void check_column_type(const Ledger& ledger, const ColumnName& column);
// Raises unless it is a table that can be protected, and read as a whole.
void check_table(Relation table, const ColumnName& column);
// For errors: table.column.
const char* text_of(const ColumnName& column);
void check_not_null(FunctionCallInfo fcinfo, int n, const char* name);
[[noreturn]] void raise_not_protected(const ColumnName& column);
const char* current_role();

}  // namespace lowdim::pg
