// What Asio and Beast do not have to instantiate anew in each file: theirs to be compiled once.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
