// See build.h.

#include "core/graph/build.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/graph/beam.h"
#include "core/simd/codes.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kMostHomes = 2048;

// Nodes that neighbourhoods form around: about 330 nodes each, whose rows fit a cache of 64 kB (L2 has room
// for those of the neighbours too).
uint32_t homes_of(uint32_t n) { return n < 4096 ? 1 : std::min(n / 330, kMostHomes); }

// kLidDescending: from so many nearest of so many nodes. Zero distances are dropped.
constexpr uint32_t kLidNeighbours = 20, kLidSample = 1024;

constexpr size_t align8(size_t n) { return (n + 7) & ~size_t{7}; }

// A row's bytes, then its terms, which every distance needs as well. Rows begin at cache lines where that
// costs little, and kernels meet no tail.
size_t stride_of(const GraphBuildOptions& o) {
  const size_t bytes = o.row_bytes + sizeof(GraphRowTerms);
  const size_t unit = bytes > 96 ? 64 : 32;
  return (bytes + unit - 1) / unit * unit;
}

// Distances as the beam's order: shifted to be positive, and the last bit given up.
uint32_t order(int32_t distance) {
  return static_cast<uint32_t>((static_cast<int64_t>(distance) + 0x80000000) >> 1);
}

}  // namespace

size_t GraphBuild::shared_bytes(const GraphBuildOptions& o) {
  const size_t n = o.n, room = o.degree + o.slack;
  return 64 + align8(o.entries * sizeof(uint32_t)) + n * stride_of(o) + 64 +
         align8(n * room * sizeof(uint32_t)) + align8(n * sizeof(uint16_t)) + align8(n) +
         2 * align8(n * sizeof(uint32_t));
}

GraphBuild::GraphBuild(const GraphBuildOptions& o, void* memory, bool create)
    : options_(o), dot_(simd::code_kernels().dot_i8_u8) {
  const size_t n = o.n;
  uint8_t* at = static_cast<uint8_t*>(memory);
  const auto take = [&](size_t bytes) {
    uint8_t* here = at;
    at += align8(bytes);
    return here;
  };
  entry_count_ = reinterpret_cast<uint32_t*>(take(64));
  entries_ = reinterpret_cast<uint32_t*>(take(o.entries * sizeof(uint32_t)));
  row_stride_ = static_cast<uint32_t>(stride_of(o));
  at += -reinterpret_cast<uintptr_t>(at) % 64;
  rows_ = take(n * row_stride_);
  links_ = reinterpret_cast<uint32_t*>(take(n * room() * sizeof(uint32_t)));
  counts_ = reinterpret_cast<uint16_t*>(take(n * sizeof(uint16_t)));
  locks_ = take(n);
  homes_ = reinterpret_cast<uint32_t*>(take(n * sizeof(uint32_t)));
  tour_ = reinterpret_cast<uint32_t*>(take(n * sizeof(uint32_t)));
  if (create) {
    *entry_count_ = 0;
    std::memset(counts_, 0, n * sizeof(uint16_t));
    std::memset(locks_, 0, n);
    std::memset(rows_, 128, n * row_stride_);  // zero, where the padding is
  }
}

size_t GraphBuild::scratch_bytes(const GraphBuildOptions& o) {
  const size_t room = o.degree + o.slack, most = o.ef_construction + room + 1;
  return align8(o.n * sizeof(uint16_t)) + stride_of(o) * 2 + (o.ef_construction + 1) * sizeof(uint64_t) +
         align8(std::max<size_t>(room, o.entries) * sizeof(uint32_t)) + 4 * most * sizeof(uint64_t);
}

GraphBuild::Scratch GraphBuild::make_scratch(const GraphBuildOptions& o, void* memory) {
  const size_t room = o.degree + o.slack, most = o.ef_construction + room + 1;
  uint8_t* at = static_cast<uint8_t*>(memory);
  const auto take = [&](size_t bytes) {
    uint8_t* here = at;
    at += align8(bytes);
    return here;
  };
  Scratch s;
  s.seen = reinterpret_cast<uint16_t*>(take(o.n * sizeof(uint16_t)));
  std::memset(s.seen, 0, o.n * sizeof(uint16_t));
  s.epoch = 0;
  s.query = reinterpret_cast<int8_t*>(take(2 * stride_of(o)));
  s.beam = reinterpret_cast<uint64_t*>(take((o.ef_construction + 1) * sizeof(uint64_t)));
  s.ids = reinterpret_cast<uint32_t*>(take(std::max<size_t>(room, o.entries) * sizeof(uint32_t)));
  s.candidates = reinterpret_cast<uint64_t*>(take(most * sizeof(uint64_t)));
  s.kept = reinterpret_cast<uint64_t*>(take(most * sizeof(uint64_t)));
  s.overfull = reinterpret_cast<uint64_t*>(take(most * sizeof(uint64_t)));
  s.overfull_kept = reinterpret_cast<uint64_t*>(take(most * sizeof(uint64_t)));
  s.distances = 0;
  return s;
}

uint32_t GraphBuild::entry_count() const { return __atomic_load_n(entry_count_, __ATOMIC_ACQUIRE); }

void GraphBuild::lock(uint32_t i) const {
  while (__atomic_exchange_n(locks_ + i, uint8_t{1}, __ATOMIC_ACQUIRE) != 0) {
    while (__atomic_load_n(locks_ + i, __ATOMIC_RELAXED) != 0) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }
}
void GraphBuild::unlock(uint32_t i) const { __atomic_store_n(locks_ + i, uint8_t{0}, __ATOMIC_RELEASE); }

void GraphBuild::load(uint32_t i, int8_t* query) const {
  const uint8_t* r = row(i);
  for (uint32_t d = 0; d < options_.row_bytes; ++d) query[d] = static_cast<int8_t>(r[d] - 128);
  // What lies behind, the terms too, counts nothing.
  std::memset(query + options_.row_bytes, 0, row_stride_ - options_.row_bytes);
}

int32_t GraphBuild::distance(const int8_t* query, const GraphRowTerms& of_query, uint32_t to) const {
  int32_t dot;
  dot_(query, row(to), 0, 1, row_stride_, &dot);
  return of_query.add + terms(to)->add - 2 * (dot - 128 * of_query.sum);
}

uint32_t GraphBuild::search(uint32_t i, bool from_own, uint32_t ef, Scratch& s) const {
  if (++s.epoch == 0) {
    std::memset(s.seen, 0, options_.n * sizeof(uint16_t));
    s.epoch = 1;
  }
  Beam beam(s.beam, ef);
  const GraphRowTerms own = *terms(i);
  s.seen[i] = s.epoch;
  // A node that has links is in the right place already.
  const uint32_t entries = from_own ? 0 : entry_count();
  for (uint32_t j = 0; from_own && j < counts_[i]; ++j) {
    const uint32_t id = links(i)[j];
    if (s.seen[id] == s.epoch) continue;
    s.seen[id] = s.epoch;
    beam.push(order(distance(s.query, own, id)), id);
  }
  for (uint32_t e = 0; e < entries; ++e) {
    const uint32_t id = __atomic_load_n(entries_ + e, __ATOMIC_RELAXED);
    if (id == i) continue;
    if (e + 4 < entries) __builtin_prefetch(row(entries_[e + 4]));
    const uint32_t d = order(distance(s.query, own, id));
    if (d < beam.limit()) beam.push(d, id);
  }
  for (uint32_t e = 0; e < beam.size(); ++e) s.seen[Beam::id(beam[e])] = s.epoch;
  s.distances += entries;
  // From its own links a search is near at once, and what it expands late changes little.
  const uint32_t most = from_own ? ef : UINT32_MAX;
  for (uint32_t at, expanded = 0; expanded < most && beam.pop(&at); ++expanded) {
    const uint32_t n = __atomic_load_n(counts_ + at, __ATOMIC_ACQUIRE);
    const uint32_t* list = links_ + size_t{at} * room();
    uint32_t fresh = 0;
    for (uint32_t j = 0; j < n; ++j) {
      const uint32_t id = __atomic_load_n(list + j, __ATOMIC_RELAXED);
      if (s.seen[id] == s.epoch) continue;
      s.seen[id] = s.epoch;
      s.ids[fresh++] = id;
      const uint8_t* r = row(id);
      for (uint32_t b = 0; b < row_stride_; b += 64) __builtin_prefetch(r + b);
    }
    for (uint32_t j = 0; j < fresh; ++j) {
      const uint32_t d = order(distance(s.query, own, s.ids[j]));
      if (d < beam.limit()) beam.push(d, s.ids[j]);
    }
    s.distances += fresh;
    uint32_t next;
    if (beam.peek(&next)) {
      __builtin_prefetch(links_ + size_t{next} * room());
      __builtin_prefetch(links_ + size_t{next} * room() + 16);
    }
  }
  for (uint32_t j = 0; j < beam.size(); ++j) s.candidates[j] = beam[j] & ~uint64_t{1};
  return beam.size();
}

// Of the candidates (with their distances from a base) those that no nearer kept one is nearer to than the
// base is, at most `degree`; then the nearest of the others until `fill` are kept. Candidates may stand
// twice.
uint32_t GraphBuild::choose(uint64_t* candidates, uint32_t n, uint32_t fill, uint64_t* kept,
                            Scratch& s) const {
  std::sort(candidates, candidates + n);
  n = static_cast<uint32_t>(std::unique(candidates, candidates + n) - candidates);
  uint32_t count = 0;
  int8_t* query = s.query + row_stride_;
  for (uint32_t j = 0; j < n && count < options_.degree; ++j) {
    const uint32_t id = Beam::id(candidates[j]), limit = Beam::distance(candidates[j]);
    load(id, query);
    const GraphRowTerms own = *terms(id);
    bool occluded = false;
    for (uint32_t k = 0; k < count && !occluded; ++k) {
      occluded = order(distance(query, own, Beam::id(kept[k]))) < limit;
      ++s.distances;
    }
    if (occluded) continue;
    kept[count++] = candidates[j];
    candidates[j] |= 1;
  }
  for (uint32_t j = 0; j < n && count < fill; ++j) {
    if ((candidates[j] & 1) == 0) kept[count++] = candidates[j];
  }
  return count;
}

// The links of node i with their distances from `query`, the node itself, behind the first n candidates.
uint32_t GraphBuild::add_links(uint32_t i, const int8_t* query, uint64_t* candidates, uint32_t n,
                               Scratch& s) const {
  const GraphRowTerms own = *terms(i);
  const uint32_t have = __atomic_load_n(counts_ + i, __ATOMIC_ACQUIRE);
  for (uint32_t j = 0; j < have; ++j) {
    const uint32_t id = __atomic_load_n(links(i) + j, __ATOMIC_RELAXED);
    candidates[n++] = Beam::key(order(distance(query, own, id)), id);
  }
  s.distances += have;
  return n;
}

// Under the node's lock.
void GraphBuild::put(uint32_t i, const uint64_t* kept, uint32_t count) const {
  uint32_t* list = links_ + size_t{i} * room();
  for (uint32_t j = 0; j < count; ++j) __atomic_store_n(list + j, Beam::id(kept[j]), __ATOMIC_RELAXED);
  __atomic_store_n(counts_ + i, static_cast<uint16_t>(count), __ATOMIC_RELEASE);
}

void GraphBuild::link(uint32_t from, uint32_t to, uint64_t key, Scratch& s) const {
  lock(from);
  uint32_t* list = links_ + size_t{from} * room();
  const uint32_t n = counts_[from];
  bool has = false;
  for (uint32_t j = 0; j < n && !has; ++j) has = list[j] == to;
  if (!has && n < room()) {
    __atomic_store_n(list + n, to, __ATOMIC_RELAXED);
    __atomic_store_n(counts_ + from, static_cast<uint16_t>(n + 1), __ATOMIC_RELEASE);
  } else if (!has) {
    int8_t* query = s.query + row_stride_;
    load(from, query);
    s.overfull[0] = Beam::key(Beam::distance(key), to);
    const uint32_t all = add_links(from, query, s.overfull, 1, s);
    put(from, s.overfull_kept, choose(s.overfull, all, options_.degree, s.overfull_kept, s));
  }
  unlock(from);
}

// Links i to the kept candidates, and them to it. What others have linked to i meanwhile stays, if there is
// room.
void GraphBuild::connect(uint32_t i, uint32_t count, bool keep_old, Scratch& s) const {
  lock(i);
  const uint32_t* list = links(i);
  uint32_t total = count;
  for (uint32_t j = 0; keep_old && j < counts_[i] && total < room(); ++j) {
    bool twice = false;
    for (uint32_t k = 0; k < count && !twice; ++k) twice = Beam::id(s.kept[k]) == list[j];
    if (!twice) s.kept[total++] = Beam::key(0, list[j]);
  }
  put(i, s.kept, total);
  unlock(i);
  for (uint32_t j = 0; j < count; ++j) link(Beam::id(s.kept[j]), i, s.kept[j], s);
}

// Smaller for a higher local intrinsic dimension (Levina and Bickel 2004) of node i, which `query` is.
uint32_t GraphBuild::lid_rank(const int8_t* query, uint32_t i) const {
  const uint32_t sample = std::min(options_.n, kLidSample);
  const GraphRowTerms own = *terms(i);
  int32_t nearest[kLidNeighbours];
  uint32_t n = 0;
  for (uint32_t j = 0; j < sample; ++j) {
    const int32_t d = distance(query, own, j);
    if (d <= 0 || (n == kLidNeighbours && d >= nearest[n - 1])) continue;
    uint32_t at = n < kLidNeighbours ? n++ : n - 1;
    for (; at > 0 && nearest[at - 1] > d; --at) nearest[at] = nearest[at - 1];
    nearest[at] = d;
  }
  float logs = 0;
  for (uint32_t j = 0; j + 1 < n; ++j) {
    logs += std::log(static_cast<float>(nearest[n - 1]) / static_cast<float>(nearest[j]));
  }
  // Rising with the inverse dimension; numbers above zero are ordered as their bits are. All equally far: the
  // highest dimension there is. No neighbours: last.
  if (n < 2) return UINT32_MAX;
  const float inverse = logs / static_cast<float>(n - 1);
  uint32_t bits;
  std::memcpy(&bits, &inverse, sizeof bits);
  return bits;
}

void GraphBuild::find_home(uint32_t i, uint32_t place, Scratch& s) const {
  if (options_.order == GraphOrder::kHeap) {
    homes_[i] = place;
    return;
  }
  load(i, s.query);
  if (options_.order == GraphOrder::kLidDescending) {
    homes_[i] = lid_rank(s.query, i);
    return;
  }
  const uint32_t homes = homes_of(options_.n);
  const GraphRowTerms own = *terms(i);
  int32_t least = INT32_MAX;
  for (uint32_t j = 0; j < homes; ++j) {
    const int32_t d = distance(s.query, own, j);
    if (d < least) {
      least = d;
      homes_[i] = j;
    }
  }
}

void GraphBuild::make_tour() const {
  const uint32_t n = options_.n;
  if (options_.order != GraphOrder::kShuffle) {
    for (uint32_t i = 0; i < n; ++i) tour_[i] = i;
    std::sort(tour_ + std::min(options_.entries, n), tour_ + n,
              [&](uint32_t a, uint32_t b) { return homes_[a] != homes_[b] ? homes_[a] < homes_[b] : a < b; });
    return;
  }
  const uint32_t homes = homes_of(n), first = homes > 1 ? n / 16 : n;
  uint32_t begins[kMostHomes + 1] = {};
  for (uint32_t i = first; i < n; ++i) ++begins[homes_[i] + 1];
  for (uint32_t h = 0; h < homes; ++h) begins[h + 1] += begins[h];
  for (uint32_t i = 0; i < first; ++i) tour_[i] = i;
  for (uint32_t i = first; i < n; ++i) tour_[first + begins[homes_[i]]++] = i;
}

void GraphBuild::insert(uint32_t i, Scratch& s) const {
  load(i, s.query);
  const uint32_t n =
      search(i, false, std::max(options_.ef_construction / 2, 1u), s);  // improve() looks again
  connect(i, choose(s.candidates, n, options_.degree / 2, s.kept, s), true, s);
  if (__atomic_load_n(entry_count_, __ATOMIC_RELAXED) < options_.entries) {
    lock(0);  // of whichever node: it is one lock for all
    if (*entry_count_ < options_.entries) {
      __atomic_store_n(entries_ + *entry_count_, i, __ATOMIC_RELAXED);
      __atomic_store_n(entry_count_, *entry_count_ + 1, __ATOMIC_RELEASE);
    }
    unlock(0);
  }
}

void GraphBuild::improve(uint32_t i, Scratch& s) const {
  load(i, s.query);
  uint32_t n = search(i, true, options_.ef_construction, s);
  n = add_links(i, s.query, s.candidates, n, s);
  connect(i, choose(s.candidates, n, options_.degree, s.kept, s), false, s);
}

void GraphBuild::finish(uint32_t i, Scratch& s) const {
  if (counts_[i] <= options_.degree) return;
  load(i, s.query);
  const uint32_t n = add_links(i, s.query, s.candidates, 0, s);
  put(i, s.kept, choose(s.candidates, n, options_.degree, s.kept, s));
}

}  // namespace lowdim::core
