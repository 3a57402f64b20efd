//! Each error code of the program has its golden file.
