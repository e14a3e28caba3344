//! Cranelift's side: settings of the machine, and machine code of plans.

use cranelift_codegen::{
    Context as Compiler,
    ir::{AbiParam, FuncRef, Function as Clif, types::I64},
    settings::{self, Configurable},
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module as _};

use super::{JitError, codegen, hostcall::HOSTCALLS, plan::Plan};

/// Cranelift's module while functions are added.
pub(super) struct Linker {
    module: JITModule,
    calls: Vec<FuncId>,
    compiler: Compiler,
    builder: FunctionBuilderContext,
}

impl Linker {
    pub(super) fn new() -> Result<Linker, JitError> {
        let machine = |error: &dyn std::fmt::Display| JitError::Machine(error.to_string());
        if cfg!(not(all(target_endian = "little", target_pointer_width = "64"))) {
            return Err(JitError::Machine("facts are read as 64-bit little-endian words".into()));
        }
        let mut flags = settings::builder();
        let verifier = if cfg!(debug_assertions) { "true" } else { "false" };
        for (name, value) in [
            ("opt_level", "speed"),
            ("enable_verifier", verifier),
            ("use_colocated_libcalls", "false"),
            ("is_pic", "false"),
            ("unwind_info", "false"),
        ] {
            flags.set(name, value).map_err(|error| machine(&error))?;
        }
        let isa = cranelift_native::builder().map_err(|error| machine(&error))?;
        let isa = isa.finish(settings::Flags::new(flags)).map_err(|error| machine(&error))?;
        let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
        for call in HOSTCALLS {
            builder.symbol(call.name, (call.address)());
        }
        let mut module = JITModule::new(builder);
        let mut calls = Vec::with_capacity(HOSTCALLS.len());
        for call in HOSTCALLS {
            let mut signature = module.make_signature();
            signature.params.extend(std::iter::repeat_n(AbiParam::new(I64), call.params));
            signature.returns.extend(call.gives.then(|| AbiParam::new(I64)));
            let id = module.declare_function(call.name, Linkage::Import, &signature);
            calls.push(id.map_err(|error| JitError::Link(error.to_string()))?);
        }
        let compiler = module.make_context();
        Ok(Linker { module, calls, compiler, builder: FunctionBuilderContext::new() })
    }

    /// Compiles a plan; `None` if no code can be made of it.
    pub(super) fn define(&mut self, plan: &Plan, needs: &[usize]) -> Option<FuncId> {
        self.compiler.clear();
        let mut signature = self.module.make_signature();
        signature.params.push(AbiParam::new(I64));
        let id = self.module.declare_anonymous_function(&signature).ok()?;
        self.compiler.func = Clif::with_name_signature(Default::default(), signature);
        let calls: Vec<FuncRef> = self
            .calls
            .iter()
            .map(|call| self.module.declare_func_in_func(*call, &mut self.compiler.func))
            .collect();
        let mut builder = FunctionBuilder::new(&mut self.compiler.func, &mut self.builder);
        if codegen::function(&mut builder, plan, needs, &calls).is_none() {
            self.builder = FunctionBuilderContext::new();
            return None;
        }
        builder.seal_all_blocks();
        builder.finalize(self.module.target_config());
        self.module.define_function(id, &mut self.compiler).ok()?;
        Some(id)
    }

    pub(super) fn finish(mut self) -> Result<JITModule, JitError> {
        self.module.finalize_definitions().map_err(|error| JitError::Link(error.to_string()))?;
        Ok(self.module)
    }
}
