// The errors that core raises. core may throw; the door (pg/door.h) turns what it throws into a PostgreSQL
// error with the SQLSTATE that belongs to the kind. paged and pg never throw.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace lowdim::core {

// What went wrong, in the classes that a SQL user can act on. pg/door.cpp maps each to a SQLSTATE.
enum class ErrorKind {
  kInvalidParameter,  // an option or argument has a value that it may not have
  kData,              // the data cannot be processed as asked (wrong dimensions, non-finite, ...)
  kLimit,             // a documented limit is exceeded
  kCorrupted,         // stored bytes are not what this version can have written
  kNotSupported,      // a valid request that this build cannot serve
  kInternal,          // a broken invariant: a bug
};

// `hint` may be empty; it is shown to the user as the HINT line.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {})
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}
  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorKind kind_;
  std::string hint_;
};

// Thrown by a long computation whose Stop callback said so.
struct Stopped {};

}  // namespace lowdim::core
