#pragma once

#include <memory>

namespace relay::db {
class Database;
}

namespace relay::cli {

class Context;

/// Returns the command's database on a second connection, which is made when it is first needed. Returns null if the
/// connection string cannot be read twice: a --dsn-file that is a pipe.
std::unique_ptr<db::Database> second_connection(Context &context);

}  // namespace relay::cli
