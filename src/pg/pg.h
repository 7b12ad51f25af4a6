// The only way to PostgreSQL's headers. Include it after every C++ and project header of core and paged:
// the server's headers define macros (snprintf, ERROR, Min, _ ...) that break code that comes after them.
#pragma once

// Everything is hidden but what PostgreSQL looks up; before 16 its headers leave the marking to us.
#ifndef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

#undef snprintf
#undef vsnprintf
#undef printf
#undef fprintf
#undef sprintf
#undef vprintf
#undef vfprintf
#undef strerror
#undef strerror_r
#undef _
