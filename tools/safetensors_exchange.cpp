// Our half of the exchange with the Python package: `write FILE` puts one tensor of every element type into a file,
// `copy FROM TO` reads a file and writes it again.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include <distill/io/safetensors.hpp>

int main(int argc, char** argv) {
  try {
    const std::string command = argc > 1 ? argv[1] : "";
    if (command == "write" && argc == 3) {
      // Byte i of each tensor is a function of i and its type that the other half knows.
      std::vector<std::vector<std::uint8_t>> bytes;
      std::vector<distill::safetensors_tensor> tensors;
      const std::size_t types = std::size(distill::detail::safetensors_formats);
      bytes.reserve(types);
      for (std::size_t type = 0; type < types; ++type) {
        const auto& format = distill::detail::safetensors_formats[type];
        std::vector<std::uint8_t>& content = bytes.emplace_back(8 * format.bits / 8);
        for (std::size_t i = 0; i < content.size(); ++i)
          content[i] = static_cast<std::uint8_t>(format.name == std::string("BOOL") ? i % 2 : 7 * i + format.bits);
        tensors.push_back({.name = std::string("tensor ") + format.name,
                           .type = static_cast<distill::safetensors_type>(type),
                           .extents = {2, 1, 4},
                           .bytes = content});
      }
      tensors.push_back({.name = "empty \"ß\"", .type = distill::safetensors_type::f32, .extents = {0, 3}});
      distill::write_safetensors(argv[2], tensors, {{"written by", "distill"}, {"a\nkey", "täxt"}});
      return 0;
    }
    if (command == "copy" && argc == 4) {
      const distill::safetensors_file file = distill::read_safetensors(argv[2]);
      distill::write_safetensors(argv[3], file.tensors, file.metadata);
      return 0;
    }
    std::fprintf(stderr, "usage: safetensors_exchange write FILE | copy FROM TO\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
