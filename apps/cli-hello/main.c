// SPDX-License-Identifier: Apache-2.0
// Shows what a command is given: arguments, environment, standard input, files.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_imports.h"

extern char** environ;

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  return 2;
}

static int copy(FILE* from) {
  char buffer[4096];
  size_t len;
  while ((len = fread(buffer, 1, sizeof buffer, from)) > 0) fwrite(buffer, 1, len, stdout);
  return ferror(from) ? fail("read") : 0;
}

static int read_file(const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) return fail(path);
  const int code = copy(file);
  fclose(file);
  return code;
}

static int write_file(const char* path, const char* text) {
  FILE* file = fopen(path, "wb");
  if (file == NULL) return fail(path);
  fputs(text, file);
  return fclose(file) == 0 ? 0 : fail(path);
}

static int list_folder(const char* path) {
  DIR* folder = opendir(path);
  if (folder == NULL) return fail(path);
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) puts(entry->d_name);
  }
  closedir(folder);
  return 0;
}

/// C's own exit tells the host only whether the program failed, not how.
static int exit_with(int code) {
  fflush(NULL);
  wasi_cli_exit_exit_with_code((uint8_t)code);
  return code;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--read") == 0) return exit_with(read_file(argv[2]));
  if (argc == 4 && strcmp(argv[1], "--write") == 0) return exit_with(write_file(argv[2], argv[3]));
  if (argc == 3 && strcmp(argv[1], "--list") == 0) return exit_with(list_folder(argv[2]));

  puts("hello from a command");
  for (int at = 1; at < argc; ++at) printf("argument %d: %s\n", at, argv[at]);
  for (char** variable = environ; *variable != NULL; ++variable) printf("environment: %s\n", *variable);
  const int failed = copy(stdin);
  fputs("goodbye\n", stderr);
  return exit_with(failed != 0 ? failed : argc > 1 ? atoi(argv[1]) : 0);
}
