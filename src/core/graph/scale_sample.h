// Which rows of a sample a graph's code is trained on. Where rows live at very different scales (groups that
// lie within each other, dense cores in wide sets), what counts is an error relative to the distance of near
// neighbours, and the squares of wide rows would have all directions and centroids for themselves.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

// As many numbers of rows as there are rows, rising: each row about in proportion to 1 / r^2, r its distance
// to near other rows, but at most kMostScaleWeight times as often as a median row and at least that share as
// often. Where all r are about alike every row comes once. Equal rows are no neighbours. Only squares of
// differences enter: a far origin costs nothing.
std::vector<uint32_t> sample_by_scale(Rows rows, const Stop& stop);

inline constexpr double kMostScaleWeight = 32;

}  // namespace lowdim::core
