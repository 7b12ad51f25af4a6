// Makes a multi-vector document of each line of a text: one vector a word (mixture.h), of the word's vector
// in the glove set. A word that has none ends it with a message. Called by `prepare` on what `gloss_words`
// wrote.
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "arguments.h"
#include "fvecs.h"
#include "mixture.h"
#include "mvecs.h"

namespace {

constexpr const char* kUsage =
    "mix --glove DIR --texts FILE --out FILE.mvecs\n"
    "  reads the vectors of the words from DIR/base.fvecs, words.txt, query.fvecs and query_words.txt, and "
    "one text a\n"
    "  line, its words separated by spaces\n";

struct Vocabulary {
  std::vector<lowdim::bench::Matrix<float>> vectors;
  std::unordered_map<std::string, const float*> of;
};

Vocabulary read_vocabulary(const std::string& folder) {
  using namespace lowdim::bench;
  Vocabulary all;
  for (const auto& [rows, words] :
       {std::pair{"/base.fvecs", "/words.txt"}, {"/query.fvecs", "/query_words.txt"}}) {
    all.vectors.push_back(read_fvecs(folder + rows));
    if (all.vectors.front().cols != all.vectors.back().cols)
      throw std::runtime_error(folder + rows + " has another dimension than base.fvecs");
    std::ifstream in(folder + words);
    if (!in) throw std::runtime_error("cannot open " + folder + words);
    size_t n = 0;
    for (std::string word; std::getline(in, word); n++)
      if (n < all.vectors.back().rows) all.of[word] = all.vectors.back().row(n);
    if (n != all.vectors.back().rows)
      throw std::runtime_error(folder + words + " has not as many lines as " + rows + " has rows");
  }
  return all;
}

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const std::string texts = args.required("texts");
  std::ifstream in(texts);
  if (!in) throw std::runtime_error("cannot open " + texts);
  const Vocabulary vocabulary = read_vocabulary(args.required("glove"));
  MultiSet set;
  set.dims = static_cast<uint32_t>(vocabulary.vectors.front().cols);
  for (std::string line; std::getline(in, line);) {
    std::vector<const float*> words;
    std::istringstream split(line);
    for (std::string word; split >> word;) {
      const auto found = vocabulary.of.find(word);
      if (found == vocabulary.of.end()) throw std::runtime_error(texts + ": no vector for " + word);
      words.push_back(found->second);
    }
    if (words.empty())
      throw std::runtime_error(texts + ": line " + std::to_string(set.size() + 1) + " is empty");
    append_mixture(words, set.dims, set.x);
    set.starts.push_back(set.starts.back() + words.size());
  }
  write_mvecs(args.required("out"), set);
  std::printf("%zu documents, %zu vectors of %u dimensions\n", set.size(), set.vectors(), set.dims);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(argc, argv, kUsage, {"glove", "texts", "out"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "mix: %s\n", e.what());
    return 1;
  }
}
