Can't open "honest.der" for reading, No such file or directory
804B105C6E7F0000:error:80000002:system library:BIO_new_file:No such file or directory:../crypto/bio/bss_file.c:67:calling fopen(honest.der, rb)
804B105C6E7F0000:error:10000080:BIO routines:BIO_new_file:no such file:../crypto/bio/bss_file.c:75:
