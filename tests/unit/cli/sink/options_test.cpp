#include "cli/sink/options.hpp"

#include "cli/command_line/cli11_parser.hpp"
#include "relay/identity/delivery.hpp"
#include "sink_fixture.hpp"

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

TEST_CASE("the compact form names a file, stdout, the terminal or a descriptor") {
    CHECK(parse_compact_sink("tok.txt").secret_file == "tok.txt");
    CHECK(parse_compact_sink("file:tok.txt").secret_file == "tok.txt");
    CHECK(parse_compact_sink("file:stdout").secret_file == "stdout");
    CHECK(parse_compact_sink("stdout").secret_stdout);
    CHECK(parse_compact_sink("terminal").terminal);
    CHECK(parse_compact_sink("fd:3").secret_fd == 3);
    for (auto const *text : {"", "-", "file:", "fd:", "fd:x", "fd:-1", "fd:3x", "fd:99999999999"}) {
        CAPTURE(text);
        error_of(ErrorKind::usage, [&] { parse_compact_sink(text); });
    }
}

TEST_CASE("the flags of a sink are read from the command line") {
    OptionSet set;
    SinkOptions options;
    declare_sink(set, options);
    bind_line({.flags = {"--secret-fd=3", "--secret-format=k8s", "--k8s-name=a", "--k8s-namespace=b", "--env-prefix=C_",
                         "--seal-key=d", "--replace"}},
              {}, set);
    CHECK(options.secret_fd == 3);
    CHECK(options.secret_format == "k8s");
    CHECK(options.k8s_name == "a");
    CHECK(options.k8s_namespace == "b");
    CHECK(options.env_prefix == "C_");
    CHECK(options.seal_key == "d");
    CHECK(options.replace);
    CHECK(options.asked());
    CHECK_FALSE(SinkOptions{}.asked());
}

TEST_CASE("a secret that is made on request takes its sink in one word") {
    OptionSet set;
    SinkOptions options;
    declare_compact_sink(set, options, "--admin-token", "make an admin token");
    bind_line({.flags = {"--admin-token=tok.txt"}}, {}, set);
    CHECK(options.compact == "tok.txt");
    CHECK(options.asked());
}

TEST_CASE("each flag has a description, and a type if it takes a value") {
    OptionSet set;
    SinkOptions options;
    SinkOptions compact;
    declare_sink(set, options);
    declare_compact_sink(set, compact, "--admin-token", "make an admin token");
    for (OptionModel const &option : set.options()) {
        CHECK_FALSE(option.description.empty());
        CHECK(option.takes_value() == !option.type.empty());
    }
}

TEST_CASE("a delivery into the program gives the key to the caller, once, before the commit") {
    Issued const issued;
    std::string taken;
    DeliverTo delivery([&](std::string_view key) { taken += key; });
    auto const first = delivery.prepare(issued.for_agent());
    CHECK(first != delivery.prepare(issued.for_agent()));
    CHECK(taken.empty());
    delivery.deliver();
    CHECK(taken == issued.text());
    error_of(ErrorKind::internal, [&] { delivery.deliver(); });
    DeliverTo refusing([](std::string_view) { throw Error(ErrorKind::sink, "no, thanks"); });
    refusing.prepare(issued.for_agent());
    error_of(ErrorKind::sink, [&] { refusing.deliver(); });
}
