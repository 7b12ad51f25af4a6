// Which methods a report tries at which compression, and with which parameters: for each the ones that land
// nearest below the target, model and headers counted. Methods of a fixed number of bits a dimension are
// tried at the compression that their bits promise; what their headers add shows in the report. Called by
// report.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/codec/options.h"
#include "core/codec/table/table.h"

namespace lowdim::core {

struct ReportCandidate {
  double target = 0;
  bool is_table = false;
  CodecSpec spec;                         // of a codec
  TableMethod table = TableMethod::kSvd;  // of a table method
  std::string misfit;                     // why there are no parameters; then nothing is measured
  std::string name() const;
};

struct PlanOptions {
  std::vector<double> compressions;
  size_t dims;
  size_t table_rows;
  bool queries;  // there are sample queries: plan query-aware projections
  bool table_methods;
  bool normalize;
  uint64_t seed;
};

std::vector<ReportCandidate> plan_report(const PlanOptions& options);

// '{"method":"pca","dims":96,"then":"lvq8"}': what parse_options reads back, seed and sample aside.
std::string options_json(const CodecSpec& spec);

}  // namespace lowdim::core
