// Arguments of distance functions. A scan calls one for every row, so what a row's value costs before the
// kernel starts is paid here: inline values are read where they lie, with a 4-byte or a 1-byte header;
// out-of-line ones are read in the order in which they were stored, where possible, without their index
// (ToastCursor).
#pragma once

#include <cstring>

#include "pg/compat.h"
#include "pg/pg.h"
#include "pg/types/types.h"

extern "C" {
#include "storage/block.h"
#include "storage/off.h"
#include "utils/relcache.h"
}

namespace lowdim::pg {

// Where the value read last ended in its TOAST table. A hint only: it holds no lock, pin or reference, and
// what is found there counts only if it carries the identity of the value that is wanted.
struct ToastCursor {
  Oid table;                        // InvalidOid: nothing known
  LocalTransactionId transaction;   // in which the place was seen: while that holds its lock on the table,
  SubTransactionId subtransaction;  // the table cannot shrink
  BlockNumber block;                // of the last chunk
  OffsetNumber offset;              // of the last chunk
  uint32 misses;                    // in a row
  BlockNumber first_block;          // of the value read last, where that was not found by the server
  OffsetNumber first_offset;        // the place before its first chunk
  Oid first_value;                  // InvalidOid: not known
};

// Says where a value that will be asked for soon may lie: the place before its first chunk. A scan that knows
// this of the rows that it returns spares each of them the descent of the TOAST table's index.
void expect_toast(Oid value, BlockNumber block, OffsetNumber offset);

// Finds out-of-line values that are asked for in storage order but with gaps, as ANALYZE does, without the
// index: identities are given out in ascending order, so in a table that was filled in one go they tell where
// a value lies. Where they do not, it soon stops trying. What it finds is a hint to expect_toast.
class ToastTrack {
 public:
  // Nothing that is not out of line is looked for, nor what the server stores compressed.
  void look_for(struct varlena* value);

 private:
  void start(Relation table);

  Oid table_ = InvalidOid;  // InvalidOid: not begun
  BlockNumber blocks_ = 0;  // of the table; 0: given up
  BlockNumber block_ = 0;   // where a chunk of value_ lies
  Oid value_ = InvalidOid;
  double blocks_per_value_ = 0;
  int32 credit_ = 0;  // hits lengthen and misses shorten it
};

// A value that is compressed or out of line as a plain copy with a 4-byte header, in the current memory
// context. Same values and errors as the server's own detoasting, which does the work wherever the cursor
// does not help.
struct varlena* detoast(struct varlena* value, ToastCursor* cursor);

// The cursor of argument n (0 or 1) of the calling function; nullptr where the call has no place for one.
ToastCursor* toast_cursor(FunctionCallInfo fcinfo, int n);

// A vector or halfvec where it lies: x may have any alignment.
template <class T>
struct DenseView {
  const typename T::Element* x;
  int32 dim;
};

template <class T>
inline DenseView<T> dense_view(const char* payload) {
  int16 dim;
  memcpy(&dim, payload, sizeof dim);
  return {reinterpret_cast<const typename T::Element*>(payload + offsetof(T, x) - offsetof(T, dim)), dim};
}

// Asks for the row that a sequential scan comes to next. A heap page is filled from its end, so that row lies
// right below this one; the processor's own prefetchers lose the track between rows. Harmless where nothing
// is there. Benchmark: bench/sql/exact_scan.sh, glove_l2 (less than half the time), mnist_plain.
inline void prefetch_next_row(const struct varlena* value, size_t size) {
  constexpr size_t kRowOverhead = 40;  // the header of a row and a column before this one
  constexpr size_t kLine = 64;
  constexpr size_t kMostLines = 8;  // from there on the processor has found the track
  const char* next = reinterpret_cast<const char*>(value) - size - kRowOverhead;
  const size_t lines = Min(size / kLine + 2, kMostLines);
  for (size_t i = 0; i < lines; ++i) __builtin_prefetch(next + i * kLine);
}

template <class T>
inline DenseView<T> distance_arg(FunctionCallInfo fcinfo, int n) {
  struct varlena* value = reinterpret_cast<struct varlena*>(PG_GETARG_POINTER(n));
  if (likely(VARATT_IS_4B_U(value))) {
    prefetch_next_row(value, VARSIZE_4B(value));
    return dense_view<T>(VARDATA_4B(value));
  }
  if (VARATT_IS_SHORT(value) && !VARATT_IS_EXTERNAL(value)) return dense_view<T>(VARDATA_SHORT(value));
  return dense_view<T>(VARDATA_4B(detoast(value, toast_cursor(fcinfo, n))));
}

template <class T>
inline void check_same_dim(const DenseView<T>& a, const DenseView<T>& b) {
  if (unlikely(a.dim != b.dim)) raise_different_dims(T::kName, a.dim, b.dim);
}

}  // namespace lowdim::pg
